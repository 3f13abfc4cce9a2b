"""The notes over HTTP: listed with what the index has of them, shown, put, deleted."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.concurrency import run_in_threadpool

from studybot.bot import StudyBot
from studybot.checkup import State, compare
from studybot.errors import IndexUnusable
from studybot.notes import delete_note, write_note
from studybot.shapes import Shape
from studybot.store import StoredNote
from studybot.syncing import Syncing

_TEXT = {"requestBody": {"required": True, "content": {"text/markdown": {"schema": {"type": "string"}}}}}


class NoteJson(Shape):
    """A note in the list: its path, its size, how many passages the index has of it, and how the two agree.

    It is ``indexed``; or ``new``, ``changed`` or ``removed`` since the last sync; or ``unreadable``, and ``why`` tells
    the reason. ``bytes`` is null for a file that was not looked into.
    """

    note: str
    bytes: int | None
    passages: int
    state: State
    why: str | None


class SectionJson(Shape):
    """A heading path with the lines of its section, the heading's own included."""

    heading: list[str]
    start_line: int
    end_line: int


class NoteTextJson(Shape):
    """A note, whole."""

    note: str
    text: str
    sections: list[SectionJson]


def router(bot: StudyBot, syncing: Syncing) -> APIRouter:
    """Return what answers /api/notes with the notes of ``bot``; after a change a sync is started."""
    made = APIRouter(prefix="/api/notes")

    @made.get("")
    def notes() -> list[NoteJson]:
        """List the notes in the folder and in the index, each with how the two agree."""
        return notes_json(bot)

    @made.get("/{path:path}")
    def note(path: str) -> NoteTextJson:
        """Return a note and its sections."""
        found, document = bot.note(path)
        sections = [
            SectionJson(heading=list(s.heading), start_line=s.start_line, end_line=s.end_line)
            for s in document.sections
        ]
        return NoteTextJson(note=found.path, text=found.text, sections=sections)

    @made.put("/{path:path}", status_code=204, openapi_extra=_TEXT, responses={201: {}})
    async def put_note(path: str, request: Request, if_none_match: Annotated[str, Header()] = "") -> Response:
        """Add a note (201) or replace it (204; 412 with ``If-None-Match: *``); the body is its text. A sync follows."""
        content = await request.body()
        replaces = if_none_match != "*"
        is_new = await run_in_threadpool(lambda: write_note(bot.notes_folder, path, content, replaces=replaces))
        syncing.start()
        return Response(status_code=201 if is_new else 204)

    @made.delete("/{path:path}", status_code=204)
    def remove_note(path: str) -> None:
        """Delete a note from the folder."""
        delete_note(bot.notes_folder, path)
        syncing.start()

    return made


def notes_json(bot: StudyBot) -> list[NoteJson]:
    """Return what lies in the notes folder and what is indexed, in the order of the paths.

    Raises:
        NotesFolderMissing: there is no such folder.
    """
    known, passages = _indexed(bot)
    return [
        NoteJson(note=one.path, bytes=one.size, passages=passages.get(one.path, 0), state=one.state, why=one.why)
        for one in compare(bot.notes_folder, known)
    ]


def _indexed(bot: StudyBot) -> tuple[dict[str, StoredNote], dict[str, int]]:
    """Return the notes in the index by path, and how many passages each has; nothing where no index can be read."""
    try:
        store = bot.lookup().store
    except IndexUnusable:
        return {}, {}
    with store.database.snapshot():
        return store.notes(), store.passage_counts()
