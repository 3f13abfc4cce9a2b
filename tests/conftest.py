"""Parts that several tests use: a folder of notes, a bot with the double, a bot with the real model."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studybot.bot import StudyBot
from studybot.database import Database
from studybot.encoding import SentenceEncoder
from studybot.settings import Settings
from studybot.store import Store
from tests.word_encoder import WordEncoder

pytest_plugins = ["tests.browser"]

CHECKOUT = Path(__file__).parents[1]
SHARED = CHECKOUT.parent / "shared"
"""The documents and questions that studybot is developed with; not part of the project."""
MEASURED = CHECKOUT / ".venv" / "measured" / "development"
"""Where `make gate` keeps its index of the customer's notes."""

CELLS = """# Cells

Notes on the smallest living things.

## Mitochondria

- Mitochondria make most of the cell's ATP.
- They have two membranes:
  - the outer one is smooth
  - the inner one is folded into cristae

## Sizes

| Organelle | Diameter |
|---|---|
| Ribosome | 25 nm |
| Nucleus | 6 µm |
"""
KINGS = "# Kings\n\nLouis XVI was executed in 1793.\nHis brother became king in 1814.\n"


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Return a folder with two notes."""
    folder = tmp_path / "notes"
    (folder / "biology").mkdir(parents=True)
    (folder / "biology" / "cells.md").write_text(CELLS, encoding="utf-8")
    (folder / "kings.md").write_text(KINGS, encoding="utf-8")
    return folder


@pytest.fixture
def encoder() -> WordEncoder:
    """Return the double."""
    return WordEncoder()


@pytest.fixture
def make_bot(tmp_path: Path, notes: Path, encoder: WordEncoder) -> Iterator[Callable[..., StudyBot]]:
    """Return what makes a bot over ``notes``, with settings to choose; all are closed at the end."""
    made: list[StudyBot] = []

    def make(**chosen: object) -> StudyBot:
        settings = Settings.model_validate({"notes": notes, "index": tmp_path / "index", **chosen})
        made.append(StudyBot(settings, encoder))
        return made[-1]

    yield make
    for bot in made:
        bot.close()


@pytest.fixture
def bot(make_bot: Callable[..., StudyBot]) -> StudyBot:
    """Return a bot whose index is up to date."""
    bot = make_bot()
    bot.sync()
    return bot


@pytest.fixture(scope="session")
def customer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudyBot]:
    """Return a bot with the real model over the customer's notes, which are parsed and cut here.

    Their texts are embedded only where `make gate` has not left their vectors: 80 s on two cores.
    """
    index = tmp_path_factory.mktemp("customer")
    if MEASURED.is_dir():
        shutil.copytree(MEASURED, index, dirs_exist_ok=True)
    database = Database(index, write=True)
    store = Store(database)
    with database.transaction():
        for path in store.notes():
            store.remove_note(path)
        store.seal()
    database.close()
    bot = StudyBot(Settings(notes=SHARED / "notes", index=index), SentenceEncoder())
    assert bot.sync().added == ("architect-associate.md",)
    yield bot
    bot.close()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI everything that a test needs is there: a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
