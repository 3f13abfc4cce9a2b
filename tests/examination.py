"""The HTTP interface examined by schemathesis: every check that it has, on a real server with a real index."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from studybot.bot import StudyBot
from studybot.settings import Settings
from tests.conftest import CELLS, CHECKOUT, KINGS
from tests.word_encoder import WordEncoder

# 413 is how a body that breaks the schema by its size is refused. In place of positive_data_acceptance stands the check
# in schema_checks.py.
_SETTINGS = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429]
[checks.positive_data_acceptance]
enabled = false
"""


def run(most_examples: int, seed: int, scratch: Path) -> dict[str, Any]:
    """Try up to ``most_examples`` random requests of each operation, besides those at the edges of its schema."""
    # Only here: it serves as the tests of attacks do.
    from tests.test_attacks import serving

    notes = scratch / "notes"
    (notes / "biology").mkdir(parents=True)
    (notes / "biology" / "cells.md").write_text(CELLS, encoding="utf-8")
    (notes / "kings.md").write_text(KINGS, encoding="utf-8")
    settings = scratch / "schemathesis.toml"
    settings.write_text(_SETTINGS, encoding="utf-8")
    bot = StudyBot(Settings(notes=notes, index=scratch / "index"), WordEncoder())
    bot.sync()
    bot.ask("When was Louis XVI executed?", remember=True)
    with serving(bot) as server:
        options = {"--seed": seed, "--max-examples": most_examples, "--workers": 1, "--warnings": "off"}
        words = [str(word) for option in options.items() for word in option]
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(settings), "run"]
        done = subprocess.run(
            [*command, *words, "--no-color", f"{server.url}openapi.json"],
            capture_output=True,
            text=True,
            cwd=scratch,
            env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.schema_checks", "PYTHONPATH": str(CHECKOUT)},
            check=False,
        )
    bot.close()
    return _told(done.stdout + done.stderr, done.returncode, seed)


def _told(output: str, code: int, seed: int) -> dict[str, Any]:
    def number(pattern: str) -> int:
        found = re.search(pattern, output)
        return int(found[1].replace(",", "")) if found else 0

    # A request of thousands of characters says little.
    lines = [re.sub(r"(.{300}).*", r"\1 …", line) for line in output.split("\n")]
    begin = next((number for number, line in enumerate(lines) if " FAILURES " in line or " ERRORS " in line), 0)
    return {
        "seed": seed,
        "operations": number(r"Tested: (\d+)"),
        "requests": number(r"([\d,]+) generated"),
        "failures": ["\n".join(lines[begin:])] if code else [],
    }
