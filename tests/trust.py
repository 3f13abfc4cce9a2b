"""The long run of what tests try a share of: ``python -m tests.trust FILE [SECTION…]``; ``make trust`` runs all.

FILE is JSON with an object for each section, written by a function of its own; a run replaces its sections and leaves
the others. Each tells its seed, how much was tried, and how many ``failures`` there were, which are printed.

crashes    processes killed while they index, sync, keep history, build a view or repair
mutations  files of an index damaged, asked, examined and repaired
schemathesis  requests to each path, at the edges of its schema and at random
load       many clients of one server while its notes change; its memory, and its end
fuzz       texts that atheris and hypothesis make, for the parser and the chunker
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from studybot import files
from tests import crashes, examination, fuzzing, load, mutations

_SEED = 8
_KILLS = 500
_MUTATIONS = 1_000
_EXAMPLES = 100
_CLIENTS = 64
_QUESTIONS = 2_000
_REQUESTS = 20_000
_FUZZ_MINUTES = 10

Section = Callable[[Path], dict[str, Any]]


def _crashes(scratch: Path) -> dict[str, Any]:
    return crashes.run(_KILLS, _SEED, scratch)


def _mutations(scratch: Path) -> dict[str, Any]:
    return mutations.run(_MUTATIONS, _SEED, scratch)


def _schemathesis(scratch: Path) -> dict[str, Any]:
    return examination.run(_EXAMPLES, _SEED, scratch)


def _load(scratch: Path) -> dict[str, Any]:
    return load.run(_CLIENTS, _QUESTIONS, _REQUESTS, _SEED, scratch)


def _fuzz(scratch: Path) -> dict[str, Any]:
    return fuzzing.run(_FUZZ_MINUTES, _SEED, scratch)


SECTIONS: dict[str, Section] = {
    "crashes": _crashes,
    "mutations": _mutations,
    "schemathesis": _schemathesis,
    "load": _load,
    "fuzz": _fuzz,
}
"""Each is given an empty folder, and returns what is kept; ``failures`` is a list of what went wrong, in words."""


def main(file: Path, names: Sequence[str]) -> int:
    """Run the sections called ``names``, else all, keep what they found in ``file``, and return how many failures."""
    total = 0
    for name in names or SECTIONS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch:
            found = SECTIONS[name](Path(scratch))
        failures: list[str] = found["failures"]
        print(f"{name}: {len(failures)} failures, {time.monotonic() - began:.0f} s", *failures, sep="\n  ")
        # Read again each time: another run may have written its sections meanwhile.
        kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        kept[name] = {**found, "failures": len(failures), "seconds": round(time.monotonic() - began)}
        files.replace(file, (json.dumps(dict(sorted(kept.items())), indent=2) + "\n").encode())
        total += len(failures)
    return total


if __name__ == "__main__":
    sys.exit(min(1, main(Path(sys.argv[1]), sys.argv[2:])))
