"""The reader over HTTP: a note as HTML, with its outline."""

from typing import Annotated

from fastapi import APIRouter, Query

from studybot.bot import StudyBot
from studybot.editor import link
from studybot.links import Links
from studybot.notes import list_notes, read_note
from studybot.rendering import render
from studybot.shapes import Shape


class HeadingJson(Shape):
    """A heading: ``id`` is that of its element in the HTML, ``line`` where it stands in the note."""

    level: int
    title: str
    id: str
    line: int


class RenderedJson(Shape):
    """A note as harmless HTML whose blocks tell their lines in ``data-lines``; ``link`` opens it in an editor."""

    note: str
    html: str
    outline: list[HeadingJson]
    link: str


def router(bot: StudyBot) -> APIRouter:
    """Return the path of rendered notes, for the application that answers with ``bot``."""
    made = APIRouter(prefix="/api/rendered")

    @made.get("/{path:path}")
    def rendered(path: str, line: Annotated[int, Query(ge=1)] = 1) -> RenderedJson:
        """Return a note as HTML with its outline; an editor opens it at ``line``."""
        folder = bot.notes_folder
        note = read_note(folder, path)
        shown = render(note.text, Links(note.path, lambda: (file.path for file in list_notes(folder).files)))
        outline = [HeadingJson(level=h.level, title=h.title, id=h.id, line=h.line) for h in shown.outline]
        return RenderedJson(
            note=note.path, html=shown.html, outline=outline, link=link(bot.settings.link, folder, note.path, line)
        )

    return made
