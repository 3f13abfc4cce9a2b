"""The list of notes: what lies in the folder, joined with what the index has of it."""

from typing import Literal

from studybot.bot import StudyBot
from studybot.errors import IndexUnusable, NotesError
from studybot.indexing import is_unchanged
from studybot.notes import NoteFile, list_notes, read_note
from studybot.reply import Shape
from studybot.store import StoredNote

State = Literal["indexed", "new", "changed", "removed", "unreadable"]


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


def notes_json(bot: StudyBot) -> list[NoteJson]:
    """Return what lies in the notes folder and what is indexed, in the order of the paths.

    A note is opened only if its size or its time is not that of the last sync.

    Raises:
        NotesFolderMissing: there is no such folder.
    """
    folder = bot.notes_folder
    listing = list_notes(folder)
    known, passages = _indexed(bot)

    def listed(path: str, size: int | None, state: State, why: str | None = None) -> NoteJson:
        return NoteJson(note=path, bytes=size, passages=passages.get(path, 0), state=state, why=why)

    def compared(file: NoteFile) -> NoteJson:
        before = known.get(file.path)
        if before and is_unchanged(file, before):
            return listed(file.path, file.size, "indexed")
        try:
            note = read_note(folder, file.path)
        except NotesError as error:
            return listed(file.path, file.size, "unreadable", str(error).removeprefix(f"{file.path} "))
        if before is None:
            return listed(file.path, file.size, "new")
        return listed(file.path, file.size, "indexed" if note.sha256 == before.sha256 else "changed")

    found = [compared(file) for file in listing.files]
    found += [listed(path, None, "unreadable", why) for path, why in listing.left_out.items()]
    present = {one.note for one in found}
    found += [listed(path, before.size, "removed") for path, before in known.items() if path not in present]
    return sorted(found, key=lambda one: one.note)


def _indexed(bot: StudyBot) -> tuple[dict[str, StoredNote], dict[str, int]]:
    """Return the notes in the index by path, and how many passages each has; nothing where no index can be read."""
    try:
        store = bot.lookup().store
    except IndexUnusable:
        return {}, {}
    with store.database.snapshot():
        return store.notes(), store.passage_counts()
