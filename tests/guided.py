"""A run of atheris: ``python -m tests.guided TARGET SECONDS SEED CORPUS`` prints a ``Told`` as JSON.

CORPUS is a folder of files to begin from; what reaches other code is added to it.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import atheris

# Before anything imports them: coverage is written into what is imported from here on.
with atheris.instrument_imports(include=["markdown_it", "mdit_py_plugins", "studybot"]):
    from tests.fuzzed import MOST_BYTES, TARGETS, Trial
    from tests.test_hostile import SHAPES
    from tests.test_positions import MARKUP


def main(name: str, seconds: float, seed: int, corpus: Path) -> None:
    """Fuzz until the time is over or something is wrong; this ends the process."""
    trial = Trial(TARGETS[name], seconds)
    words = {*MARKUP, *(shape(1).strip() for shape in SHAPES.values())}
    lines = [f'"{_escaped(word)}"\n' for word in sorted(words) if 0 < len(word) < 40]
    dictionary = corpus.with_name(f"{corpus.name}-{name}.words")
    dictionary.write_text("".join(lines), encoding="utf-8")

    def give(data: bytes) -> None:
        try:
            trial.give(data.decode("utf-8", "replace"))
        finally:
            if trial.is_over:
                print(json.dumps(asdict(trial.told())), flush=True)
                # libFuzzer itself ends by the clock only.
                os._exit(0)

    options = {"seed": seed, "max_len": MOST_BYTES, "dict": dictionary, "verbosity": 0}
    atheris.Setup([sys.argv[0], *(f"-{option}={value}" for option, value in options.items()), str(corpus)], give)
    atheris.Fuzz()


def _escaped(word: str) -> str:
    return "".join(f"\\x{byte:02X}" for byte in word.encode())


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
