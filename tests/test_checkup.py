import os
from pathlib import Path

from studybot import checkup
from studybot.bot import StudyBot
from tests.conftest import KINGS


def left_out(bot: StudyBot) -> dict[str, str]:
    return checkup.left_out(bot.settings.index, bot.settings.notes)


def test_a_sound_index_of_these_notes_has_no_problem(bot: StudyBot) -> None:
    assert bot.examine() == {"model": None, "store": None, "pipeline": None, "view": None, "notes": None}
    assert left_out(bot) == {}


def test_an_edit_that_keeps_the_size_is_found(bot: StudyBot, notes: Path) -> None:
    (notes / "kings.md").write_text(KINGS.replace("1793", "1794"), encoding="utf-8")
    assert bot.examine()["notes"] == "not as indexed: kings.md; run `studybot index`"
    bot.sync()
    assert bot.examine()["notes"] is None


def test_a_note_that_was_only_touched_is_as_indexed(bot: StudyBot, notes: Path) -> None:
    os.utime(notes / "kings.md", (1_000_000_000, 1_000_000_000))
    assert bot.examine()["notes"] is None


def test_new_and_removed_notes_are_named_up_to_five(bot: StudyBot, notes: Path) -> None:
    (notes / "kings.md").unlink()
    for number in range(6):
        (notes / f"a{number}.md").write_text("# New\n\nA fern has fronds.\n", encoding="utf-8")
    assert bot.examine()["notes"] == "not as indexed: a0.md, a1.md, a2.md, a3.md, a4.md; run `studybot index`"


def test_what_a_sync_leaves_out_is_named_and_no_problem(bot: StudyBot, notes: Path, tmp_path: Path) -> None:
    (notes / "scan.md").write_bytes(b"\x89PNG\0\0")
    (notes / "link.md").symlink_to(tmp_path / "elsewhere.md")
    # Before a sync and after: it changes nothing.
    for _ in range(2):
        assert bot.examine()["notes"] is None
        assert left_out(bot) == {"link.md": "is a link that leads nowhere", "scan.md": "is binary, not text"}
        bot.sync()


def test_an_indexed_note_that_cannot_be_read_any_more_is_a_problem_that_a_sync_mends(
    bot: StudyBot, notes: Path
) -> None:
    (notes / "kings.md").write_bytes(b"\0")
    assert bot.examine()["notes"] == "not as indexed: kings.md; run `studybot index`"
    bot.sync()
    assert bot.examine()["notes"] is None
    assert left_out(bot) == {"kings.md": "is binary, not text"}
