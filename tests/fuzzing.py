"""Texts that fuzzers make, for the parser and the chunker: ``python -m tests.fuzzing MINUTES``; ``make fuzz``.

atheris looks for texts that reach other code, hypothesis makes up notes; each has as many minutes of the processor for
each of the two. The shortest texts that together reach all the code are kept in corpus.json; every test run reads them.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from studybot import files
from studybot.markdown import parse
from tests.fuzzed import TARGETS, Told
from tests.test_hostile import BYTES, grows_with_the_square, of

CORPUS = Path(__file__).with_name("corpus.json")
_TRACED = {"studybot", "markdown_it", "mdit_py_plugins"}
_FOUND = "found"
_SEED = 8
# A core may be shared with others.
_MOST_CLOCK = 10


def run(minutes: float, seed: int, scratch: Path) -> dict[str, Any]:
    """Return how the runs went, of ``minutes`` each; what reaches other code is left in ``scratch``."""
    found = scratch / _FOUND
    found.mkdir()
    for number, text in enumerate(read_corpus()):
        (found / f"{number}").write_text(text, encoding="utf-8", newline="")
    runs = {
        f"{tool} {name}": (module, name, str(60 * minutes), str(seed), *more)
        for tool, module, more in (("atheris", "tests.guided", [str(found)]), ("hypothesis", "tests.fuzzed", []))
        for name in TARGETS
    }
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        told = dict(zip(runs, pool.map(lambda command: _told(command, minutes), runs.values()), strict=True))
    corpus = list(filter(None, read_corpus()))
    failures = [f"{name}: {one.wrong}" for name, one in told.items() if one.wrong is not None]
    failures += [f"{text!r} over and over takes the square" for text in corpus if grows_with_the_square(of(text))]
    return {
        "seed": seed,
        "cpu_minutes_each": minutes,
        "texts": {name: one.tried for name, one in told.items()},
        "cpu_s": {name: one.cpu_s for name, one in told.items()},
        "corpus": len(corpus),
        "slowest_parse_s_per_mb": round(max(map(_seconds_per_mb, corpus)), 1),
        "failures": failures,
    }


def read_corpus() -> list[str]:
    """Return the texts that are kept, the shortest first."""
    texts: list[str] = json.loads(CORPUS.read_text(encoding="utf-8"))
    return texts


def smallest(texts: Iterable[str]) -> list[str]:
    """Return those of the ``texts`` that reach something which no shorter one reaches, the shortest first."""
    reached: set[tuple[str, int, int]] = set()
    kept = []
    for text in sorted(texts, key=lambda text: (len(text), text)):
        steps = _steps(text)
        if not steps <= reached:
            kept.append(text)
            reached |= steps
    return kept


def _steps(text: str) -> set[tuple[str, int, int]]:
    """Return which line of code followed which when ``text`` was read."""
    steps: set[tuple[str, int, int]] = set()

    def enter(frame: FrameType, _: str, __: object) -> Any:
        module = str(frame.f_globals.get("__name__"))
        if module.split(".")[0] not in _TRACED:
            return None
        last = 0

        def step(frame: FrameType, event: str, _: object) -> Any:
            nonlocal last
            if event == "line":
                steps.add((module, last, frame.f_lineno))
                last = frame.f_lineno
            return step

        return step

    sys.settrace(enter)
    try:
        for target in TARGETS.values():
            # What is wrong the test of the corpus tells.
            with suppress(Exception):
                target(text)
    finally:
        sys.settrace(None)
    return steps


def _seconds_per_mb(text: str) -> float:
    many = of(text)(4 * BYTES)
    began = time.process_time()
    parse(many)
    return (time.process_time() - began) / len(many.encode()) * 2**20


def _told(command: Sequence[str], minutes: float) -> Told:
    try:
        done = subprocess.run(
            [sys.executable, "-m", *command],
            capture_output=True,
            text=True,
            cwd=CORPUS.parents[1],
            timeout=_MOST_CLOCK * 60 * minutes + 60,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Told(0, 0.0, "it did not end")
    if done.returncode or not done.stdout:
        return Told(0, 0.0, f"it ended with {done.returncode}: {done.stderr[-1000:]}")
    return Told(**json.loads(done.stdout.splitlines()[-1]))


def main(minutes: float) -> int:
    """Fuzz, keep the corpus, and return how many failures there were."""
    with tempfile.TemporaryDirectory() as scratch:
        found = run(minutes, _SEED, Path(scratch))
        contents = {file.read_bytes() for file in (Path(scratch) / _FOUND).iterdir()}
    texts = {content.decode("utf-8", "replace").replace("\r\n", "\n") for content in contents}
    files.replace(CORPUS, (json.dumps(smallest(texts), indent=0) + "\n").encode())
    failures: list[str] = found["failures"]
    print(json.dumps({**found, "failures": len(failures)}, indent=2), *failures, sep="\n")
    return len(failures)


if __name__ == "__main__":
    sys.exit(min(1, main(float(sys.argv[1]))))
