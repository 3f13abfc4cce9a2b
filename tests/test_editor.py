from pathlib import Path

import pytest

from studybot.editor import link
from studybot.settings import Settings

OBSIDIAN = "obsidian://open?path={path}"


@pytest.mark.parametrize(
    ("template", "folder", "note", "expected"),
    [
        (Settings().link, "/home/a", "b/c.md", "vscode://file/home/a/b/c.md:7"),
        (Settings().link, "C:/notes", "c.md", "vscode://file/C%3A/notes/c.md:7"),
        (OBSIDIAN, "/home/a", "b/c.md", "obsidian://open?path=/home/a/b/c.md"),
        (OBSIDIAN, "C:/notes", "c.md", "obsidian://open?path=C%3A/notes/c.md"),
        (OBSIDIAN, "/n", "what? & #1 100%+.md", "obsidian://open?path=/n/what%3F%20%26%20%231%20100%25%2B.md"),
        (OBSIDIAN, "/n", "نص 🫀.md", "obsidian://open?path=/n/%D9%86%D8%B5%20%F0%9F%AB%80.md"),
    ],
)
def test_a_note_is_opened_in_the_editor_that_is_set(template: str, folder: str, note: str, expected: str) -> None:
    assert link(template, Path(folder), note, 7) == expected
