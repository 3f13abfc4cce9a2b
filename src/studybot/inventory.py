"""The list of notes: what lies in the folder, joined with what the index has of it."""

from studybot.bot import StudyBot
from studybot.checkup import State, compare
from studybot.errors import IndexUnusable
from studybot.reply import Shape
from studybot.store import StoredNote


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
