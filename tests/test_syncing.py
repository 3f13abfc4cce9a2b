import json
import shutil
import signal
import threading
from _thread import interrupt_main
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from studybot.bot import StudyBot
from studybot.server import serve
from studybot.settings import Settings
from studybot.syncing import Syncing
from studybot.types import Vectors
from tests.conftest import KINGS
from tests.word_encoder import HeldEncoder, WordEncoder

PATIENCE_S = 10


class BrokenEncoder(WordEncoder):
    """Fails as a bug would."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        raise RuntimeError(f"no rows for {len(texts)} texts")


@pytest.fixture
def held() -> HeldEncoder:
    return HeldEncoder()


@pytest.fixture
def held_bot(notes: Path, tmp_path: Path, held: HeldEncoder) -> Iterator[StudyBot]:
    """Return a bot whose syncs are held while they embed."""
    bot = StudyBot(Settings(notes=notes, index=tmp_path / "index", port=0), held)
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


# The traceback is left to the thread, which gives it to the log.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_sync_that_breaks_off_is_told_and_ends(notes: Path, tmp_path: Path) -> None:
    bot = StudyBot(Settings(notes=notes, index=tmp_path / "index"), BrokenEncoder())
    syncing = Syncing(bot)
    syncing.start()
    assert heard(syncing)[-1] == ("failed", {"code": "internal", "message": "the sync broke off"})
    assert syncing.is_running is False
    for thread in threading.enumerate():
        if thread.name == "sync":
            thread.join(PATIENCE_S)
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


@pytest.fixture
def interruptible() -> Iterator[None]:
    # A shell starts what runs in its background with interrupts ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_server_that_ends_lets_its_listeners_go(held_bot: StudyBot, held: HeldEncoder, notes: Path) -> None:
    held.may_go_on.set()
    held_bot.sync()
    heard: list[bytes] = []

    def listen_and_interrupt(url: str) -> None:
        with urlopen(Request(f"{url}api/index", method="POST")):
            assert held.is_reached.wait(PATIENCE_S)
        with urlopen(f"{url}api/index/events") as events:
            heard.append(events.readline())
            interrupt_main()
            heard.append(events.read())

    def announce(url: str) -> None:
        held.is_reached.clear()
        held.may_go_on.clear()
        (notes / "ferns.md").write_text("# Ferns\n\nFerns spread by spores.\n", encoding="utf-8")
        threads.append(threading.Thread(target=listen_and_interrupt, args=(url,)))
        threads[0].start()

    threads: list[threading.Thread] = []
    with pytest.raises(KeyboardInterrupt):
        serve(held_bot, announce)
    threads[0].join(PATIENCE_S)
    assert heard == [b"event: progress\n", b'data: {"stage": "embedding", "done": 0, "total": 1}\n\n']
    assert held.may_go_on.is_set() is False


def test_a_listener_that_leaves_off_keeps_nobody_waiting(bot: StudyBot) -> None:
    syncing = Syncing(bot)
    events = syncing.events()
    assert next(events) == "event: idle\ndata: {}\n\n"
    another = threading.Thread(target=syncing.start, daemon=True)
    another.start()
    another.join(PATIENCE_S)
    assert not another.is_alive()
    assert list(events) == []
    assert heard(syncing)[-1][0] == "done"
