import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from studybot.bot import StudyBot
from studybot.database import FILE as DATABASE
from studybot.errors import (
    IndexBusy,
    IndexCorrupt,
    IndexMismatch,
    IndexMissing,
    IndexUnwritable,
    NoNotes,
    NotesFolderMissing,
)
from studybot.indexing import LOCK
from studybot.settings import Settings
from studybot.types import SyncReport
from studybot.vectors import FILE as VIEW
from tests.word_encoder import WordEncoder

MakeBot = Callable[..., StudyBot]


def quoted(bot: StudyBot, question: str) -> str:
    return bot.ask(question).hits[0].passage.text


def test_a_first_sync_adds_every_note(make_bot: MakeBot) -> None:
    report = make_bot().sync()
    assert (report.added, report.changed, report.removed) == (("biology/cells.md", "kings.md"), (), ())
    assert (report.notes, report.passages, report.statements, report.unreadable) == (2, 4, 10, {})


def test_a_second_sync_embeds_nothing_and_keeps_the_generation(bot: StudyBot, encoder: WordEncoder) -> None:
    before = bot.status().generation
    encoder.encoded.clear()
    report = bot.sync()
    assert encoder.encoded == []
    assert (report.added, report.changed, report.removed, report.embedded) == ((), (), (), 0)
    assert bot.status().generation == before


def test_editing_one_bullet_embeds_its_passage_and_itself(bot: StudyBot, notes: Path, encoder: WordEncoder) -> None:
    note = notes / "biology" / "cells.md"
    note.write_text(note.read_text(encoding="utf-8").replace("is smooth", "is very smooth"), encoding="utf-8")
    encoder.encoded.clear()
    report = bot.sync()
    assert report.changed == ("biology/cells.md",)
    assert len(encoder.encoded) == 2
    assert all("very smooth" in text for text in encoder.encoded)


def test_renaming_a_note_embeds_nothing(bot: StudyBot, notes: Path, encoder: WordEncoder) -> None:
    (notes / "kings.md").rename(notes / "rulers of France 👑.md")
    encoder.encoded.clear()
    report = bot.sync()
    assert encoder.encoded == []
    assert (report.added, report.removed) == (("rulers of France 👑.md",), ("kings.md",))
    assert bot.ask("Who was executed in 1793?").hits[0].passage.note == "rulers of France 👑.md"


def test_a_deleted_note_is_gone(bot: StudyBot, notes: Path) -> None:
    (notes / "kings.md").unlink()
    assert bot.sync().removed == ("kings.md",)
    assert {hit.passage.note for hit in bot.ask("Who was executed in 1793?").hits} == {"biology/cells.md"}


def test_an_edit_that_keeps_size_and_time_is_seen_when_it_came_at_once(bot: StudyBot, notes: Path) -> None:
    note = notes / "kings.md"
    before = note.stat()
    note.write_text(note.read_text(encoding="utf-8").replace("1793", "1794"), encoding="utf-8")
    os.utime(note, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert bot.sync().changed == ("kings.md",)


def test_notes_that_cannot_be_read_are_named_and_the_others_indexed(make_bot: MakeBot, notes: Path) -> None:
    (notes / "photo.md").write_bytes(b"\x89PNG\0\0")
    (notes / "old.md").write_bytes("# Café\n\nDéjà vu à la carte, crème brûlée et garçon.\n".encode("cp1252"))
    report = make_bot().sync()
    assert report.unreadable == {"photo.md": "photo.md is binary, not text"}
    assert list(report.decoded) == ["old.md"]
    assert report.notes == 3


def test_a_folder_without_notes_leaves_the_index_as_it_was(bot: StudyBot, notes: Path) -> None:
    shutil.rmtree(notes / "biology")
    (notes / "kings.md").unlink()
    with pytest.raises(NoNotes, match="holds no note"):
        bot.sync()
    assert bot.status().counts["notes"] == 2


def test_a_missing_notes_folder_is_named(make_bot: MakeBot, tmp_path: Path) -> None:
    with pytest.raises(NotesFolderMissing, match="is not there"):
        make_bot(notes=tmp_path / "nowhere").sync()


def test_another_notes_folder_takes_the_place_of_the_first(bot: StudyBot, make_bot: MakeBot, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "tea.md").write_text("# Tea\n\nGreen tea is steeped at 80 °C.\n", encoding="utf-8")
    bot_of_other = make_bot(notes=other)
    report = bot_of_other.sync()
    assert (report.added, report.removed) == (("tea.md",), ("biology/cells.md", "kings.md"))
    assert [hit.passage.note for hit in bot_of_other.ask("How hot is green tea?").hits] == ["tea.md"]
    # Its quotes would be looked for in the notes that the first bot was given.
    with pytest.raises(IndexMismatch, match=r"of the notes in .*/other, wanted .*/notes; run `studybot index`"):
        bot.ask("How hot is green tea?")


def test_a_second_sync_at_the_same_time_is_refused(bot: StudyBot) -> None:
    with FileLock(bot.settings.index / LOCK), pytest.raises(IndexBusy, match="another studybot is indexing"):
        bot.sync()


def test_questions_see_a_sync_that_another_process_made(bot: StudyBot, make_bot: MakeBot, notes: Path) -> None:
    assert "1793" in quoted(bot, "When was Louis XVI executed?")
    (notes / "kings.md").write_text("# Kings\n\nLouis XVI was executed on 21 January.\n", encoding="utf-8")
    make_bot().sync()
    assert quoted(bot, "When was Louis XVI executed?") == "Louis XVI was executed on 21 January."


def test_asking_without_an_index_names_the_command(make_bot: MakeBot) -> None:
    with pytest.raises(IndexMissing, match="studybot index"):
        make_bot().ask("Who was executed?")


@pytest.mark.parametrize("content", [None, b"", b"garbage"])
def test_a_lost_view_is_built_anew_without_embedding(
    bot: StudyBot, make_bot: MakeBot, encoder: WordEncoder, content: bytes | None
) -> None:
    expected = bot.ask("Who was executed in 1793?").hits
    view = bot.settings.index / VIEW
    view.unlink()
    if content is not None:
        view.write_bytes(content)
    encoder.encoded.clear()
    assert make_bot().ask("Who was executed in 1793?").hits == expected
    assert encoder.encoded == ["Who was executed in 1793?"]


def test_where_the_view_cannot_be_written_questions_are_answered_and_syncs_made(
    bot: StudyBot, make_bot: MakeBot, notes: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = bot.ask("Who was executed in 1793?").hits
    (bot.settings.index / VIEW).unlink()
    (bot.settings.index / VIEW).mkdir()
    later = make_bot()
    assert [later.ask("Who was executed in 1793?").hits for _ in range(2)] == [expected, expected]
    (notes / "ferns.md").write_text("# Ferns\n\nFerns spread by spores.\n", encoding="utf-8")
    assert later.sync().added == ("ferns.md",)
    assert quoted(later, "How do ferns spread?") == "Ferns spread by spores."
    # Once by the first question, by the sync, and by the first question after it.
    assert len(caplog.messages) == 3
    assert set(caplog.messages) == {
        f"{bot.settings.index} cannot be written to: Is a directory; each start of studybot builds the FAISS view anew"
        " until it can be"
    }


def test_an_index_of_another_model_is_refused_then_built_anew(bot: StudyBot, notes: Path) -> None:
    class OtherEncoder(WordEncoder):
        fingerprint = "words:2"

    other = StudyBot(Settings(notes=notes, index=bot.settings.index), OtherEncoder())
    with pytest.raises(IndexMismatch, match=r"words:1.*words:2.*studybot index"):
        other.ask("Who was executed?")
    assert other.sync().embedded > 0
    assert "1793" in quoted(other, "Who was executed in 1793?")
    other.close()


def test_an_index_of_another_format_is_refused_then_built_anew(bot: StudyBot, make_bot: MakeBot) -> None:
    import sqlite3

    bot.close()
    with sqlite3.connect(bot.settings.index / DATABASE) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(IndexMismatch, match=r"format 999, this version reads .*; run `studybot index`"):
        make_bot().ask("Who was executed?")
    # As the message says it: without the folder, which is the one that was indexed.
    assert make_bot(notes=None).sync().notes == 2


def test_the_folder_of_an_index_of_another_format_is_known_also_after_a_sync_that_failed(
    bot: StudyBot, make_bot: MakeBot, notes: Path
) -> None:
    import sqlite3

    bot.close()
    with sqlite3.connect(bot.settings.index / DATABASE) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    notes.rename(notes.with_name("away"))
    for _ in range(2):
        with pytest.raises(NotesFolderMissing, match=f"the notes folder {notes} is not there"):
            make_bot(notes=None).sync()
    notes.with_name("away").rename(notes)
    assert make_bot(notes=None).sync().notes == 2


def test_a_deleted_index_is_noticed_and_so_is_another_one_in_its_place(
    bot: StudyBot, make_bot: MakeBot, notes: Path
) -> None:
    question = "When was Louis XVI executed?"
    for year in ("1794", "1795"):
        assert year not in quoted(bot, question)
        shutil.rmtree(bot.settings.index)
        if year == "1794":
            with pytest.raises(IndexMissing, match="there is no index"):
                bot.ask(question)
        (notes / "kings.md").write_text(f"# Kings\n\nLouis XVI was executed in {year}.\n", encoding="utf-8")
        make_bot().sync()
        assert quoted(bot, question) == f"Louis XVI was executed in {year}."


def test_a_damaged_database_is_named(bot: StudyBot, make_bot: MakeBot) -> None:
    bot.close()
    (bot.settings.index / DATABASE).write_bytes(b"not a database" * 1000)
    with pytest.raises(IndexCorrupt, match="studybot doctor --repair"):
        make_bot().ask("Who was executed?")


def test_an_index_folder_that_is_a_file_is_named(make_bot: MakeBot, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(IndexUnwritable, match="cannot be written to"):
        make_bot(index=tmp_path / "taken").sync()


def _sync_in_a_process(notes: Path, index: Path, file_limit: int | None, outcome: str) -> None:
    """Sync with the double; with a limit no file can grow beyond it, as on a full disk."""
    if file_limit is not None:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
    try:
        StudyBot(Settings(notes=notes, index=index), WordEncoder()).sync()
    except IndexUnwritable:
        os._exit(3)
    if outcome == "exits":
        os._exit(0)


def _many_notes(folder: Path, count: int, word: str) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        text = f"# Note {number}\n\n" + "".join(f"- {word} {number} item {item}\n" for item in range(40))
        (folder / f"{number:03}.md").write_text(text, encoding="utf-8")


def test_a_full_disk_leaves_the_index_as_it_was(bot: StudyBot, tmp_path: Path) -> None:
    expected: SyncReport = bot.sync()
    _many_notes(tmp_path / "many", 60, "alpha")
    process = multiprocessing.get_context("spawn").Process(
        target=_sync_in_a_process, args=(tmp_path / "many", bot.settings.index, 300_000, "exits")
    )
    process.start()
    process.join(60)
    assert process.exitcode == 3
    assert bot.status().counts["notes"] == expected.notes
    assert "1793" in quoted(bot, "Who was executed in 1793?")


def test_killing_a_sync_leaves_the_old_or_the_new_index(tmp_path: Path) -> None:
    notes, index = tmp_path / "many", tmp_path / "index"
    _many_notes(notes, 40, "alpha")
    bot = StudyBot(Settings(notes=notes, index=index), WordEncoder())
    bot.sync()
    chance = random.Random(11)
    context = multiprocessing.get_context("fork")
    possible = {"alpha"}
    for turn in range(25):
        possible.add(f"word{turn}")
        _many_notes(notes, 40, f"word{turn}")
        process = context.Process(target=_sync_in_a_process, args=(notes, index, None, "exits"))
        process.start()
        time.sleep(chance.uniform(0.0, 0.6))
        process.kill()
        process.join()
        fresh = StudyBot(Settings(notes=notes, index=index), WordEncoder())
        findings = fresh.examine()
        assert (findings["store"], findings["pipeline"]) == (None, None)
        texts = {hit.passage.text.split(" item ")[0].split()[1] for hit in fresh.ask("Note 3 item 7", 50).hits}
        assert len(texts & possible) == len(texts) == 1, f"turn {turn}: passages of several generations: {texts}"
        fresh.close()
    report = bot.sync()
    assert report.notes == 40
    assert bot.examine()["notes"] is None
    bot.close()
