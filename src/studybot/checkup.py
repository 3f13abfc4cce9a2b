"""Whether an index is sound, is of this pipeline, and says what the notes say."""

from pathlib import Path

from studybot.notes import list_notes
from studybot.store import Store
from studybot.types import Encoder, Pipeline
from studybot.vectors import Stamp, VectorIndex

_NAMED = 5


def examine(store: Store, encoder: Encoder, pipeline: Pipeline, notes_folder: Path) -> dict[str, str | None]:
    """Return what was checked, each with what is wrong with it, or None."""
    with store.database.snapshot():
        built_with = store.pipeline
        view = VectorIndex.load(store.database.folder, Stamp(*store.state))
        differing = _differing(store, notes_folder)
        named = ", ".join(differing[:_NAMED])
        return {
            "model": encoder.damage(),
            "store": store.database.damage(),
            "pipeline": None if built_with == pipeline else f"built with {built_with}; run `studybot index`",
            "view": None if view is not None else "missing, damaged or old; the next question builds it anew",
            "notes": f"not as indexed: {named}; run `studybot index`" if differing else None,
        }


def _differing(store: Store, notes_folder: Path) -> list[str]:
    """Return the notes that are new, gone, or of another size than when they were read."""
    known = store.notes()
    files = {file.path: file for file in list_notes(notes_folder).files}
    changed = [path for path, file in files.items() if path in known and file.size != known[path].size]
    return sorted({*(files.keys() ^ known.keys()), *changed})
