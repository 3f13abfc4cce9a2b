"""Whether an index is sound, is of this pipeline, and says what the notes say."""

from pathlib import Path

from studybot.database import Database
from studybot.errors import IndexMismatch, IndexMissing, IndexUnusable
from studybot.layout import KEPT
from studybot.notes import list_notes
from studybot.store import Store
from studybot.types import Encoder, Pipeline
from studybot.vectors import Stamp, VectorIndex

_NAMED = 5
_AT_ONCE = 500


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
            indexed = store.notes_folder
            folder_now = notes_folder or indexed
            differing = _differing(store, folder_now) if folder_now else []
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
    store.passage_vectors()
    for table, columns in KEPT.items():
        broken = database.one(f"SELECT count(*) FROM {table} WHERE seal IS NOT seal({columns})")
        if broken:
            raise database.corrupt(f"rows of its {table} that are not what was written: {broken}")


def _differing(store: Store, notes_folder: Path) -> list[str]:
    """Return the notes that are new, gone, or of another size than when they were read."""
    known = store.notes()
    files = {file.path: file for file in list_notes(notes_folder).files}
    changed = [path for path, file in files.items() if path in known and file.size != known[path].size]
    return sorted({*(files.keys() ^ known.keys()), *changed})
