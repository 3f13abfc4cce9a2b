import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from studybot.bot import StudyBot
from studybot.settings import Settings
from studybot.syncing import Syncing
from studybot.types import Vectors
from tests.conftest import KINGS
from tests.word_encoder import WordEncoder

PATIENCE_S = 10


class HeldEncoder(WordEncoder):
    """Encodes once it may."""

    def __init__(self) -> None:
        super().__init__()
        self.is_reached = threading.Event()
        self.may_go_on = threading.Event()

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.is_reached.set()
        assert self.may_go_on.wait(PATIENCE_S)
        return super().encode(texts)


class BrokenEncoder(WordEncoder):
    """Ends its thread without a word, as an exit would."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        raise SystemExit(len(texts))


@pytest.fixture
def held() -> HeldEncoder:
    return HeldEncoder()


@pytest.fixture
def held_bot(notes: Path, tmp_path: Path, held: HeldEncoder) -> Iterator[StudyBot]:
    """Return a bot whose syncs are held while they embed."""
    bot = StudyBot(Settings(notes=notes, index=tmp_path / "index"), held)
    yield bot
    held.may_go_on.set()
    bot.close()


def parsed(event: str) -> tuple[str, dict[str, Any]]:
    """Return the name and the data of a server-sent event."""
    assert event.endswith("\n\n")
    name, data = event.strip().split("\n")
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def heard(syncing: Syncing) -> list[tuple[str, dict[str, Any]]]:
    """Return all that a listener who comes now is told, until it is let go."""
    with ThreadPoolExecutor(1) as listener:
        return listener.submit(lambda: [parsed(event) for event in syncing.events()]).result(PATIENCE_S)


def test_without_a_sync_there_is_nothing_to_tell(bot: StudyBot) -> None:
    syncing = Syncing(bot)
    assert heard(syncing) == [("idle", {})]
    assert syncing.is_running is False


def test_a_listener_hears_progress_and_then_the_report(held_bot: StudyBot, held: HeldEncoder) -> None:
    syncing = Syncing(held_bot)
    assert syncing.start() is True
    assert held.is_reached.wait(PATIENCE_S)
    assert syncing.is_running is True
    events = syncing.events()
    # Two notes have 4 passages and 10 statements; one statement is embedded as the same text as its passage.
    name, data = parsed(next(events))
    assert (name, data) == ("progress", {"stage": "embedding", "done": 0, "total": data["total"]})
    held.may_go_on.set()
    *progress, (outcome, report) = [parsed(event) for event in events]
    assert {name for name, _ in progress} <= {"progress"}
    assert outcome == "done"
    assert report.pop("seconds") >= 0
    assert report == {
        "added": ["biology/cells.md", "kings.md"],
        "changed": [],
        "removed": [],
        "unreadable": {},
        "decoded": {},
        "notes": 2,
        "passages": 4,
        "statements": 10,
        "embedded": data["total"],
    }
    assert syncing.is_running is False


def test_the_outcome_of_the_last_sync_is_told_to_who_comes_later(bot: StudyBot) -> None:
    syncing = Syncing(bot)
    assert syncing.start() is True
    first = heard(syncing)[-1]
    assert first[0] == "done"
    assert heard(syncing) == [first]


def test_a_sync_asked_for_while_one_runs_follows_it(held_bot: StudyBot, held: HeldEncoder, notes: Path) -> None:
    syncing = Syncing(held_bot)
    assert syncing.start() is True
    assert held.is_reached.wait(PATIENCE_S)
    (notes / "ferns.md").write_text("# Ferns\n\nFerns spread by spores.\n", encoding="utf-8")
    assert [syncing.start(), syncing.start()] == [False, False]
    held.may_go_on.set()
    name, report = heard(syncing)[-1]
    assert (name, report["added"]) == ("done", ["ferns.md"])
    assert held_bot.ask("How do ferns spread?").hits[0].passage.note == "ferns.md"
    assert syncing.start() is True
    assert heard(syncing)[-1][1]["added"] == []


def test_every_listener_hears_the_outcome(held_bot: StudyBot, held: HeldEncoder) -> None:
    syncing = Syncing(held_bot)
    syncing.start()
    assert held.is_reached.wait(PATIENCE_S)
    with ThreadPoolExecutor(3) as listeners:
        told = [listeners.submit(lambda: [parsed(event) for event in syncing.events()]) for _ in range(3)]
        held.may_go_on.set()
        outcomes = [listener.result(PATIENCE_S)[-1] for listener in told]
    assert outcomes[0][0] == "done"
    assert outcomes == [outcomes[0]] * 3


def test_a_vanished_notes_folder_is_told_by_code_and_words(bot: StudyBot, notes: Path) -> None:
    shutil.rmtree(notes)
    syncing = Syncing(bot)
    syncing.start()
    message = f"the notes folder {notes} is not there; name your folder: `studybot index NOTES`"
    assert heard(syncing) == [("failed", {"code": "notes_folder_missing", "message": message})]
    assert syncing.is_running is False


def test_after_a_failure_another_sync_can_succeed(bot: StudyBot, notes: Path) -> None:
    shutil.rmtree(notes)
    syncing = Syncing(bot)
    syncing.start()
    assert heard(syncing)[-1][0] == "failed"
    notes.mkdir()
    (notes / "kings.md").write_text(KINGS, encoding="utf-8")
    assert syncing.start() is True
    name, report = heard(syncing)[-1]
    assert (name, report["removed"]) == ("done", ["biology/cells.md"])


def test_a_sync_that_breaks_off_is_told_and_ends(notes: Path, tmp_path: Path) -> None:
    bot = StudyBot(Settings(notes=notes, index=tmp_path / "index"), BrokenEncoder())
    syncing = Syncing(bot)
    syncing.start()
    assert heard(syncing)[-1] == ("failed", {"code": "internal", "message": "the sync broke off"})
    assert syncing.is_running is False
    bot.close()


def test_stop_lets_a_listener_go_while_the_sync_goes_on(held_bot: StudyBot, held: HeldEncoder) -> None:
    syncing = Syncing(held_bot)
    syncing.start()
    assert held.is_reached.wait(PATIENCE_S)
    with ThreadPoolExecutor(1) as listener:
        told = listener.submit(lambda: [parsed(event)[0] for event in syncing.events()])
        syncing.stop()
        assert told.result(PATIENCE_S) == ["progress"]
    assert syncing.is_running is True
    held.may_go_on.set()


def test_a_listener_that_leaves_off_keeps_nobody_waiting(bot: StudyBot) -> None:
    syncing = Syncing(bot)
    events = syncing.events()
    with ThreadPoolExecutor(2) as threads:
        assert threads.submit(lambda: next(events)).result(PATIENCE_S) == "event: idle\ndata: {}\n\n"
        assert threads.submit(syncing.start).result(PATIENCE_S) is True
        assert threads.submit(lambda: list(events)).result(PATIENCE_S) == []
    assert heard(syncing)[-1][0] == "done"
