"""Whether an index is sound, is of this pipeline, and says what the notes say."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from studybot.changes import is_unchanged
from studybot.database import Database
from studybot.errors import IndexMismatch, IndexMissing, IndexUnusable, NotesError
from studybot.layout import KEPT
from studybot.notes import NoteFile, list_notes, read_note
from studybot.store import Store, StoredNote
from studybot.types import Encoder, Pipeline
from studybot.vectors import Stamp, VectorIndex

State = Literal["indexed", "new", "changed", "removed", "unreadable"]

_NAMED = 5
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Compared:
    """A note, and how the folder and the index agree on it; ``why`` tells of an unreadable one what a sync tells.

    ``size`` is in bytes, None for a file that was not looked into.
    """

    path: str
    size: int | None
    state: State
    why: str | None = None


def compare(folder: Path, known: Mapping[str, StoredNote]) -> list[Compared]:
    """Return what lies in the notes ``folder`` and what is ``known`` of it by an index, in the order of the paths.

    A note is opened only if its size or its time is not that of the last sync.

    Raises:
        NotesFolderMissing: there is no such folder.
    """
    listing = list_notes(folder)
    found = [_compared(folder, file, known.get(file.path)) for file in listing.files]
    found += [Compared(path, None, "unreadable", why) for path, why in listing.left_out.items()]
    present = {one.path for one in found}
    found += [Compared(path, before.size, "removed") for path, before in known.items() if path not in present]
    return sorted(found, key=lambda one: one.path)


def _compared(folder: Path, file: NoteFile, before: StoredNote | None) -> Compared:
    if before and is_unchanged(file, before):
        return Compared(file.path, file.size, "indexed")
    try:
        note = read_note(folder, file.path)
    except NotesError as error:
        return Compared(file.path, file.size, "unreadable", str(error).removeprefix(f"{file.path} "))
    if before is None:
        return Compared(file.path, file.size, "new")
    return Compared(file.path, file.size, "indexed" if note.sha256 == before.sha256 else "changed")


def examine(folder: Path, encoder: Encoder, pipeline: Pipeline, notes_folder: Path | None) -> dict[str, str | None]:
    """Return what was checked of the index in ``folder``, each with what is wrong with it, or None.

    Where the store is damaged, nothing else that it says is worth a look. Without a ``notes_folder`` it is the one that
    was indexed.

    Raises:
        IndexMissing, IndexMismatch: there is no index, or one of another format.
        NotesFolderMissing: the notes are not there.
    """
    damaged = damage(folder)
    if damaged is not None:
        return {"model": encoder.damage(), "store": damaged}
    database = Database(folder)
    try:
        store = Store(database)
        with database.snapshot():
            built_with = store.pipeline
            view = VectorIndex.load(folder, Stamp(*store.state))
            folder_now, known = notes_folder or store.notes_folder, store.notes()
        compared = compare(folder_now, known) if folder_now else []
        # What cannot be read is no fault of an index that has left it out.
        differing = [one.path for one in compared if one.state != "indexed" and (not one.why or one.path in known)]
        named = ", ".join(differing[:_NAMED])
        return {
            "model": encoder.damage(),
            "store": None,
            "pipeline": None if built_with == pipeline else f"built with {built_with}; run `studybot index`",
            "view": None if view is not None else "missing, damaged or old; the next question builds it anew",
            "notes": f"not as indexed: {named}; run `studybot index`" if differing else None,
        }
    finally:
        database.close()


def left_out(folder: Path, notes_folder: Path | None) -> dict[str, str]:
    """Return the notes that no sync can read into the index in ``folder``, each with the reason.

    Raises:
        IndexMissing, IndexMismatch, IndexCorrupt: there is no index that can be read.
        NotesFolderMissing: the notes are not there.
    """
    database = Database(folder)
    try:
        store = Store(database)
        with database.snapshot():
            folder_now, known = notes_folder or store.notes_folder, store.notes()
    finally:
        database.close()
    return {one.path: one.why for one in compare(folder_now, known) if one.why} if folder_now else {}


def damage(folder: Path) -> str | None:
    """Return what of the store in ``folder`` is not what was written, and what mends it, or None; all of it is read.

    Raises:
        IndexMissing, IndexMismatch: there is none, or one of another format.
    """
    try:
        database = Database(folder)
    except (IndexMissing, IndexMismatch):
        raise
    except IndexUnusable as error:
        return str(error)
    try:
        with database.snapshot():
            found = database.damage()
            if found is not None:
                raise database.corrupt(found)
            _read(Store(database))
    except IndexUnusable as error:
        return str(error)
    finally:
        database.close()
    return None


def _read(store: Store) -> None:
    """Read everything.

    Raises:
        IndexCorrupt: a part of it is not what was written.
    """
    database = store.database
    store.check()
    store.full_text.spellings()
    numbers = [number for (number,) in database.all("SELECT id FROM passages ORDER BY id")]
    for start in range(0, len(numbers), _AT_ONCE):
        store.passages(numbers[start : start + _AT_ONCE])
        store.candidates(numbers[start : start + _AT_ONCE])
    said = store.numbers()
    for start in range(0, len(said), _AT_ONCE):
        store.compared_vectors(said[start : start + _AT_ONCE])
    for table, columns in KEPT.items():
        broken = database.one(f"SELECT count(*) FROM {table} WHERE seal IS NOT seal({columns})")
        if broken:
            raise database.corrupt(f"rows of its {table} that are not what was written: {broken}")
