import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studybot.bot import StudyBot
from studybot.errors import NotesFolderMissing
from studybot.inventory import notes_json
from tests.conftest import CELLS, KINGS


def listed(bot: StudyBot) -> list[tuple[str, int | None, int, str, str | None]]:
    return [(one.note, one.bytes, one.passages, one.state, one.why) for one in notes_json(bot)]


def test_indexed_notes_are_listed_with_their_passages(bot: StudyBot) -> None:
    assert listed(bot) == [
        ("biology/cells.md", len(CELLS.encode()), 3, "indexed", None),
        ("kings.md", len(KINGS.encode()), 1, "indexed", None),
    ]


def test_what_a_sync_would_change_is_told(bot: StudyBot, notes: Path) -> None:
    (notes / "biology" / "cells.md").unlink()
    (notes / "kings.md").write_text(KINGS.replace("1793", "1794"), encoding="utf-8")
    (notes / "ferns.md").write_bytes(b"# Ferns\n")
    assert listed(bot) == [
        ("biology/cells.md", len(CELLS.encode()), 3, "removed", None),
        ("ferns.md", 8, 0, "new", None),
        ("kings.md", len(KINGS.encode()), 1, "changed", None),
    ]
    bot.sync()
    assert [one[3] for one in listed(bot)] == ["indexed", "indexed"]


def test_a_note_that_was_only_touched_is_still_indexed(bot: StudyBot, notes: Path) -> None:
    os.utime(notes / "kings.md", (1_000_000_000, 1_000_000_000))
    assert [one[3] for one in listed(bot)] == ["indexed", "indexed"]


def test_what_cannot_be_read_says_why(bot: StudyBot, notes: Path, tmp_path: Path) -> None:
    (notes / "scan.md").write_bytes(b"\x89PNG\0\0")
    (notes / "link.md").symlink_to(tmp_path / "elsewhere.md")
    for _ in range(2):
        unreadable = [one for one in listed(bot) if one[3] == "unreadable"]
        assert unreadable == [
            ("link.md", None, 0, "unreadable", "is a link that leads nowhere"),
            ("scan.md", 6, 0, "unreadable", "is binary, not text"),
        ]
        bot.sync()


def test_an_indexed_note_that_cannot_be_read_any_more_is_told_with_its_passages(bot: StudyBot, notes: Path) -> None:
    (notes / "kings.md").write_bytes(b"\0")
    assert listed(bot)[1] == ("kings.md", 1, 1, "unreadable", "is binary, not text")


def test_without_an_index_all_notes_are_new(make_bot: Callable[..., StudyBot]) -> None:
    assert [one[2:4] for one in listed(make_bot())] == [(0, "new"), (0, "new")]


def test_without_a_notes_folder_there_is_no_list(make_bot: Callable[..., StudyBot], tmp_path: Path) -> None:
    bot: Any = make_bot(notes=tmp_path / "gone")
    with pytest.raises(NotesFolderMissing):
        notes_json(bot)
