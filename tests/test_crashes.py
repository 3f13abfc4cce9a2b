import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from studybot.bot import StudyBot
from studybot.database import FILE, Database
from studybot.errors import StudybotError
from studybot.types import Answer
from tests import crashes
from tests.crashes import begun, contents, make_bot
from tests.mutations import QUESTIONS, write_notes

MakeBot = Callable[..., StudyBot]
QUESTION = "Who was executed in 1793?"

# In a process that may mount: on a disk of its own, with as much room as it is told, or none to write to.
ON_A_DISK = """
import subprocess, sys
from pathlib import Path
from studybot.errors import StudybotError
from studybot.types import Answer
from tests.crashes import make_bot

disk, notes, more, state = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
index = disk / "index"
bot = make_bot(notes, index)
bot.sync()
bot.close()
if state == "full":
    (disk / "other").write_bytes(bytes(1_000_000 - sum(file.stat().st_size for file in index.iterdir())))
else:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
late = make_bot(more, index)
for verb in (late.sync, late.repair):
    try:
        verb()
    except StudybotError as error:
        print(error.code)
late.close()
bot = make_bot(notes, index)
reply = bot.ask("Who was executed in 1793?", remember=True)
print(isinstance(reply.outcome, Answer), reply.conversation)
print(bot.examine())
"""


def write_no_more_than(size: int, notes: Path, index: Path, pipe: Connection) -> None:
    """Sync, ask and repair where no file can grow beyond ``size`` bytes, and tell how each ended."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    bot = make_bot(notes, index)
    for verb in (bot.sync, bot.repair):
        try:
            verb()
            pipe.send("done")
        except StudybotError as error:
            pipe.send(error.code)
    bot.close()


def edit_and_sync(notes: Path, index: Path, pipe: Connection) -> None:
    """Let the notes say the one and the other in turn, and index them each time."""
    bot = make_bot(notes, index)
    for turn in range(8):
        write_notes(notes, turn % 2 + 1, 6)
        bot.sync()
    bot.close()
    pipe.send("done")


# A share of what `make trust` does five hundred times
def test_killing_what_writes_leaves_the_old_or_the_new_state_and_every_turn_that_was_kept(tmp_path: Path) -> None:
    found = crashes.run(10, 3, tmp_path)
    assert found["failures"] == []
    assert found["by_kind"] == {"index": 2, "sync": 2, "history": 2, "view": 2, "repair": 2}


def test_of_two_first_syncs_at_once_one_may_be_refused_and_none_is_undone(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    write_notes(notes, 1, 6)
    for attempt in range(4):
        index = tmp_path / f"index-{attempt}"
        both = [begun(crashes.sync, notes, index) for _ in range(2)]
        ended = sorted(pipe.recv() for _, pipe in both)
        for process, pipe in both:
            process.join()
            pipe.close()
        assert ended in (["done", "done"], ["done", "index_busy"])
        bot = make_bot(notes, index)
        assert bot.status().counts["notes"] == 6
        assert set(bot.examine().values()) == {None}
        bot.close()


def test_what_is_asked_while_another_process_indexes_is_answered_from_one_of_the_generations(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    possible = []
    for seed in (1, 2):
        write_notes(notes, seed, 6)
        bot = make_bot(notes, tmp_path / f"only-{seed}")
        bot.sync()
        possible.append([[hit.passage.text for hit in bot.ask(question).hits] for question in QUESTIONS])
        bot.close()
    reader = make_bot(notes, tmp_path / "only-2")
    process, pipe = begun(edit_and_sync, notes, tmp_path / "only-2")
    asked = 0
    while not pipe.poll():
        for number, question in enumerate(QUESTIONS):
            texts = [hit.passage.text for hit in reader.ask(question).hits]
            assert texts in [one[number] for one in possible]
            asked += 1
    process.join()
    pipe.close()
    assert asked > 10
    assert set(reader.examine().values()) == {None}
    reader.close()


@pytest.mark.parametrize("size", [0, 40_000, 100_000])
def test_a_disk_that_fills_up_leaves_the_index_as_it_was(bot: StudyBot, tmp_path: Path, size: int) -> None:
    conversation = bot.ask(QUESTION, remember=True).conversation
    expected = contents(bot)
    write_notes(tmp_path / "more", 1, 24)
    process, pipe = begun(write_no_more_than, size, tmp_path / "more", bot.settings.index)
    told = [pipe.recv(), pipe.recv()]
    process.join()
    pipe.close()
    assert told == ["index_unwritable", "index_unwritable"]
    assert contents(bot) == expected
    assert [one.id for one in bot.history().conversations()] == [conversation]
    assert set(bot.examine().values()) == {None}


def test_a_repair_without_room_leaves_the_damaged_file(bot: StudyBot, make_bot: MakeBot, notes: Path) -> None:
    index = bot.settings.index
    bot.close()
    names = {path.name for path in index.iterdir()}
    content = (index / FILE).read_bytes().replace(b"1793", b"1739")
    (index / FILE).write_bytes(content)
    process, pipe = begun(write_no_more_than, 60_000, notes, index)
    told = [pipe.recv(), pipe.recv()]
    process.join()
    pipe.close()
    assert told == ["index_corrupt", "index_unwritable"]
    assert (index / FILE).read_bytes() == content
    # Nor anything beside it, which would fill the disk further.
    assert {path.name for path in index.iterdir()} == names
    assert make_bot().repair() is not None
    assert make_bot().ask(QUESTION).hits[0].passage.text.startswith("Louis XVI was executed in 1793.")


@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare, of Linux, is not here")
@pytest.mark.parametrize("state", ["full", "read-only"])
def test_from_a_disk_that_is_full_or_cannot_be_written_to_questions_are_answered(
    notes: Path, tmp_path: Path, state: str
) -> None:
    write_notes(tmp_path / "more", 1, 24)
    (tmp_path / "disk").mkdir()
    alone = ("unshare", "--map-root-user", "--mount")
    done = subprocess.run(
        [*alone, sys.executable, "-c", ON_A_DISK, tmp_path / "disk", notes, tmp_path / "more", state],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        timeout=120,
        check=False,
    )
    nothing_wrong = dict.fromkeys(("model", "store", "pipeline", "view", "notes"))
    assert (done.stdout.split("\n"), done.stderr) == (
        ["index_unwritable", "index_unwritable", "True None", str(nothing_wrong), ""],
        "",
    )


def test_what_is_committed_is_on_the_disk_before_it_is_acknowledged(bot: StudyBot) -> None:
    # 2 is FULL: SQLite writes its log through at each commit (https://sqlite.org/pragma.html#pragma_synchronous).
    writer = Database(bot.settings.index, write=True)
    assert [database.one("PRAGMA synchronous") for database in (writer, bot.lookup().store.database)] == [2, 2]
    assert writer.one("PRAGMA journal_mode") == "wal"
    writer.close()


def test_a_turn_that_cannot_be_kept_is_answered_in_its_conversation_and_begins_none(bot: StudyBot) -> None:
    conversation = bot.ask(QUESTION, remember=True).conversation
    writer = Database(bot.settings.index, write=True)
    with writer.transaction():
        new, next_one = bot.ask(QUESTION, remember=True), bot.ask("why?", conversation=conversation, remember=True)
    writer.close()
    assert (isinstance(new.outcome, Answer), new.conversation) == (True, None)
    assert (isinstance(next_one.outcome, Answer), next_one.conversation) == (True, conversation)
    assert [(one.id, one.turns) for one in bot.history().conversations()] == [(conversation, 1)]
    assert bot.ask(QUESTION, remember=True).conversation is not None
