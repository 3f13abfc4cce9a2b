import mmap
import signal
import subprocess
import threading
import time
from _thread import interrupt_main
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
from watchfiles import Change

from studybot.bot import StudyBot
from studybot.notes import list_folders
from studybot.server import serve
from studybot.settings import Settings
from studybot.syncing import Syncing
from studybot.watching import Watching, concerns_notes
from tests.conftest import KINGS
from tests.word_encoder import HeldEncoder, WordEncoder

PATIENCE_S = 20
FERNS = "# Ferns\n\nFerns spread by spores.\n"
MOSSES = "# Mosses\n\nMosses have no roots.\n"


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


@contextmanager
def watched(bot: StudyBot, sweep_s: float = 60.0) -> Iterator[Syncing]:
    """Watch the notes of ``bot``; what changed before is indexed, and the next sync is that of a change."""
    syncing = Syncing(bot)
    asked = threading.Event()

    def ask() -> None:
        syncing.start()
        asked.set()

    folder = bot.settings.notes
    assert folder is not None
    with Watching(folder, ask, sweep_s):
        assert asked.wait(PATIENCE_S)
        wait_until(lambda: not syncing.is_running)
        yield syncing
    wait_until(lambda: not syncing.is_running)


def indexed(bot: StudyBot) -> dict[str, str]:
    """Return what the index has of each note, its passages joined."""
    store = bot.lookup().store
    with store.database.snapshot():
        return {path: "".join(passage.text for passage in store.passages_of(path)) for path in store.notes()}


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def save_by_rename(file: Path, text: str) -> None:
    draft = file.with_name(file.name + "~")
    write(draft, text)
    draft.replace(file)


def test_a_note_that_is_added_is_indexed(bot: StudyBot, notes: Path) -> None:
    with watched(bot):
        write(notes / "ferns.md", FERNS)
        wait_until(lambda: indexed(bot).get("ferns.md") == "Ferns spread by spores.")


@pytest.mark.parametrize("save", [write, save_by_rename])
def test_an_edit_is_indexed_however_it_is_saved(bot: StudyBot, notes: Path, save: Callable[[Path, str], None]) -> None:
    with watched(bot):
        save(notes / "kings.md", KINGS.replace("executed", "beheaded"))
        wait_until(lambda: "beheaded" in indexed(bot)["kings.md"])


def test_a_note_that_is_renamed_goes_by_its_new_name(bot: StudyBot, notes: Path) -> None:
    with watched(bot):
        (notes / "kings.md").rename(notes / "rulers.md")
        wait_until(lambda: indexed(bot).keys() == {"biology/cells.md", "rulers.md"})


def test_a_note_that_is_deleted_is_gone(bot: StudyBot, notes: Path) -> None:
    with watched(bot):
        (notes / "kings.md").unlink()
        wait_until(lambda: indexed(bot).keys() == {"biology/cells.md"})


def test_a_note_that_is_written_bit_by_bit_is_indexed_whole(bot: StudyBot, notes: Path) -> None:
    with watched(bot), (notes / "long.md").open("w", encoding="utf-8") as file:
        for number in range(40):
            file.write(f"- item {number}\n")
            file.flush()
            time.sleep(0.02)
        wait_until(lambda: "item 39" in indexed(bot).get("long.md", ""))


def test_a_folder_of_notes_can_be_moved_in_renamed_and_moved_out(bot: StudyBot, notes: Path, tmp_path: Path) -> None:
    write(tmp_path / "plants" / "deep" / "ferns.md", FERNS)
    with watched(bot):
        (tmp_path / "plants").rename(notes / "plants")
        wait_until(lambda: "plants/deep/ferns.md" in indexed(bot))
        write(notes / "plants" / "deep" / "mosses.md", MOSSES)
        wait_until(lambda: "plants/deep/mosses.md" in indexed(bot))
        (notes / "plants").rename(notes / "flora v1.2")
        wait_until(lambda: {"flora v1.2/deep/ferns.md", "flora v1.2/deep/mosses.md"} <= indexed(bot).keys())
        (notes / "flora v1.2").rename(tmp_path / "plants")
        wait_until(lambda: indexed(bot).keys() == {"biology/cells.md", "kings.md"})


def test_what_changed_before_it_is_watched_is_indexed(bot: StudyBot, notes: Path) -> None:
    write(notes / "ferns.md", FERNS)
    with watched(bot):
        assert "ferns.md" in indexed(bot)


def test_a_checkout_of_two_thousand_notes_takes_few_syncs(bot: StudyBot, notes: Path) -> None:
    def git(*command: str) -> None:
        who = ("-c", "user.name=A student", "-c", "user.email=student@localhost")
        subprocess.run(["git", *who, *command], cwd=notes, check=True, capture_output=True)

    git("init", "--quiet", "--initial-branch=before")
    git("add", ".")
    git("commit", "--quiet", "--message=before")
    git("checkout", "--quiet", "-b", "after")
    for number in range(2_000):
        write(notes / f"topic {number // 50}" / f"{number}.md", f"# Topic {number}\n\nThis is fact {number}.\n")
    git("add", ".")
    git("commit", "--quiet", "--message=after")
    git("checkout", "--quiet", "before")
    generation = bot.status().generation
    with watched(bot):
        git("checkout", "--quiet", "after")
        wait_until(lambda: bot.status().counts["notes"] == 2_002)
    assert bot.status().generation - generation <= 10
    assert indexed(bot)["topic 39/1999.md"] == "This is fact 1999."


def test_questions_are_answered_from_the_last_generation_meanwhile(notes: Path, tmp_path: Path) -> None:
    encoder = HeldEncoder("Ferns")
    bot = StudyBot(Settings(notes=notes, index=tmp_path / "index"), encoder)
    bot.sync()
    generation = bot.status().generation
    with watched(bot) as syncing:
        write(notes / "ferns.md", FERNS)
        assert encoder.is_reached.wait(PATIENCE_S)
        assert "1793" in bot.ask("When was Louis XVI executed?").hits[0].passage.text
        assert (syncing.is_running, bot.status().generation) == (True, generation)
        encoder.may_go_on.set()
        wait_until(lambda: bot.status().generation == generation + 1)
        assert bot.ask("How do ferns spread?").hits[0].passage.note == "ferns.md"
    bot.close()


def test_a_notes_folder_that_goes_and_comes_back_is_watched_again(
    bot: StudyBot, notes: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with watched(bot):
        notes.rename(tmp_path / "away")
        wait_until(lambda: bool(caplog.messages))
        assert "1793" in bot.ask("When was Louis XVI executed?").hits[0].passage.text
        write(tmp_path / "away" / "ferns.md", FERNS)
        (tmp_path / "away").rename(notes)
        wait_until(lambda: "ferns.md" in indexed(bot))
        write(notes / "mosses.md", MOSSES)
        wait_until(lambda: "mosses.md" in indexed(bot))
    assert caplog.messages == [
        f"a sync failed: the notes folder {notes} is not there; name your folder: `studybot index NOTES`"
    ]


def test_another_folder_in_its_place_is_noticed(bot: StudyBot, notes: Path, tmp_path: Path) -> None:
    write(tmp_path / "others" / "biology" / "ferns.md", FERNS)
    with watched(bot):
        notes.rename(tmp_path / "away")
        (tmp_path / "others").rename(notes)
        wait_until(lambda: indexed(bot).keys() == {"biology/ferns.md"})
        write(notes / "mosses.md", MOSSES)
        wait_until(lambda: indexed(bot).keys() == {"biology/ferns.md", "mosses.md"})


def test_a_failure_is_told_once_however_often_it_is_tried(
    bot: StudyBot, notes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[bool] = []
    syncing = Syncing(bot)
    notes.rename(notes.with_name("away"))
    with Watching(notes, lambda: tries.append(syncing.start()), sweep_s=0.05):
        wait_until(lambda: len(tries) >= 3)
    wait_until(lambda: not syncing.is_running)
    assert len(caplog.messages) == 1


def test_a_folder_that_cannot_be_watched_is_told_once_and_looked_at_from_time_to_time(
    notes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    asked: list[bool] = []
    # No other file can be opened by this process, so that there can be no watch.
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        with Watching(notes, lambda: asked.append(True), sweep_s=0.05):
            wait_until(lambda: len(asked) >= 3)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"{notes} cannot be watched (")
    assert caplog.messages[0].endswith("Too many open files (os error 24)); it is looked at every 0.05 s")


def test_a_change_that_nothing_tells_of_is_found_by_the_sweep(bot: StudyBot, notes: Path) -> None:
    # The system tells of no write through memory, as little as of what others write to a network drive.
    with watched(bot, sweep_s=0.1), (notes / "kings.md").open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        place = content.find(b"1793")
        content[place : place + 4] = b"1794"
        wait_until(lambda: "1794" in indexed(bot)["kings.md"])


@pytest.mark.parametrize(
    ("change", "path", "is_note"),
    [
        (Change.added, "a.md", True),
        (Change.modified, "biology/A.MARKDOWN", True),
        (Change.deleted, "a.txt", True),
        (Change.added, "biology", True),
        (Change.deleted, "biology", True),
        (Change.deleted, ".", True),
        (Change.modified, "biology", False),
        (Change.modified, ".", False),
        (Change.deleted, "no folder", False),
        (Change.added, "a.pdf", False),
        (Change.added, "a.md~", False),
        (Change.added, "4913", False),
        (Change.modified, ".a.md.swp", False),
        (Change.modified, ".a.md", False),
        (Change.added, ".git/a.md", False),
        (Change.added, "biology/.obsidian", False),
        (Change.modified, "biology/.obsidian/a.md", False),
    ],
)
def test_what_concerns_a_note(notes: Path, change: Change, path: str, is_note: bool) -> None:
    (notes / "biology" / ".obsidian").mkdir()
    assert concerns_notes(notes, list_folders(notes), change, notes / path) is is_note


def test_what_a_sync_writes_into_an_index_among_the_notes_starts_no_other(notes: Path) -> None:
    encoder = HeldEncoder("Ferns")
    bot = StudyBot(Settings(notes=notes, index=notes / "index"), encoder)
    bot.sync()
    write(notes / "ferns.md", FERNS)
    syncing = Syncing(bot)
    syncing.start()
    assert encoder.is_reached.wait(PATIENCE_S)
    written = set((notes / "index").iterdir())
    encoder.may_go_on.set()
    wait_until(lambda: not syncing.is_running)
    bot.close()
    written |= set((notes / "index").iterdir())
    assert {file.name for file in written} >= {"studybot.sqlite", "studybot.sqlite-wal", "passages.faiss", "sync.lock"}
    folders = list_folders(notes)
    changes = [(change, file) for change in Change for file in written]
    assert [(change, file) for change, file in changes if concerns_notes(notes, folders, change, file)] == []


@pytest.mark.parametrize("watch", [True, False])
def test_a_server_watches_until_it_ends_unless_told_not_to(notes: Path, tmp_path: Path, watch: bool) -> None:
    bot = StudyBot(Settings(notes=notes, index=tmp_path / "index", port=0, watch=watch), WordEncoder())
    bot.sync()
    seen: list[bool] = []

    def edit_and_interrupt(url: str) -> None:
        with urlopen(f"{url}healthz"):
            seen.append(any(thread.name == "watching" for thread in threading.enumerate()))
        if watch:
            write(notes / "ferns.md", FERNS)
            wait_until(lambda: "ferns.md" in indexed(bot))
        interrupt_main()

    threads: list[threading.Thread] = []

    def announce(url: str) -> None:
        threads.append(threading.Thread(target=edit_and_interrupt, args=(url,)))
        threads[0].start()

    # Who runs tests in the background may have it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        serve(bot, announce)
    signal.signal(signal.SIGINT, before)
    threads[0].join(PATIENCE_S)
    assert seen == [watch]
    assert not any(thread.name == "watching" for thread in threading.enumerate())
    wait_until(lambda: not any(thread.name == "sync" for thread in threading.enumerate()))
    bot.close()
