"""A sync: what changed in the notes folder is parsed, cut, embedded and committed at once; then the view is renewed."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from studybot import chunking
from studybot.changes import changes
from studybot.errors import IndexBusy, IndexUnwritable, NoNotes
from studybot.notes import list_notes
from studybot.store import Store
from studybot.types import Encoder, Pipeline, SyncReport
from studybot.vectors import Stamp, VectorIndex

LOCK = "sync.lock"

_EMBED_AT_ONCE = 256

_LOG = logging.getLogger(__name__)

Stage = Literal["reading", "embedding", "writing"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sync is: ``done`` of ``total`` notes, or texts while embedding."""

    stage: Stage
    done: int
    total: int


def sync(
    folder: Path, store: Store, encoder: Encoder, on_progress: Callable[[Progress], None] = lambda _: None
) -> SyncReport:
    """Make the index say what the notes in ``folder`` say, and return what was done.

    Notes that cannot be read are reported and the others indexed. Vectors are kept as they are made, so that a sync
    that was interrupted goes on where it was; what can be asked changes in one commit at the end.

    Raises:
        NotesFolderMissing, NoNotes: there is nothing to index; the index is as it was.
        IndexCorrupt: what is indexed already is not what was written.
        IndexBusy: another sync of the same index is running.
        IndexUnwritable: read-only or full; the index is as it was.
    """
    began = time.monotonic()
    with only_one(store.database.folder):
        listing = list_notes(folder)
        if not listing.files:
            left_out = "".join(f"; {name} {reason}" for name, reason in list(listing.left_out.items())[:3])
            raise NoNotes(f"{folder} holds no note (.md, .markdown or .txt){left_out}; the index is as it was")
        pipeline = pipeline_of(encoder)
        store.check()
        is_anew = store.pipeline != pipeline
        total = len(listing.files)
        found = changes(
            folder,
            listing,
            store.notes(),
            encoder,
            lambda done: on_progress(Progress("reading", done, total)),
            is_anew=is_anew,
        )
        embedded = _embed(found.texts, store, encoder, on_progress)
        is_same_folder = store.notes_folder == folder.resolve()
        is_changed = bool(found.contents or found.removed) or is_anew or not is_same_folder
        if is_changed or found.touched:
            on_progress(Progress("writing", 0, len(found.contents)))
            with store.database.transaction():
                for path in found.removed:
                    store.remove_note(path)
                for stored in found.touched:
                    store.touch_note(stored)
                for content in found.contents:
                    store.put_note(content)
                if is_changed:
                    store.drop_unused_vectors()
                    store.sign(pipeline, folder.resolve())
                store.seal()
            on_progress(Progress("writing", len(found.contents), len(found.contents)))
        if is_changed:
            _new_view(store)
        counts = store.counts()
    return SyncReport(
        added=tuple(found.added),
        changed=tuple(found.changed),
        removed=tuple(found.removed),
        unreadable=found.unreadable,
        decoded=found.decoded,
        notes=counts["notes"],
        passages=counts["passages"],
        statements=counts["statements"],
        embedded=embedded,
        seconds=time.monotonic() - began,
    )


def pipeline_of(encoder: Encoder) -> Pipeline:
    """Return what an index is made with when ``encoder`` makes it."""
    return Pipeline(encoder.fingerprint, encoder.max_tokens, chunking.VERSION)


def refresh_view(store: Store) -> VectorIndex:
    """Return the view of the store as it is now: the written one, or a new one."""
    view = VectorIndex.load(store.database.folder, Stamp(*store.state), store.vectors)
    return _new_view(store) if view is None else view


def _new_view(store: Store) -> VectorIndex:
    """Return a new view, written if that is possible: else nothing is lost but the time to build it anew."""
    view = VectorIndex.gather(store.numbers(), store.compared_vectors, Stamp(*store.state))
    try:
        view.write(store.database.folder)
    except OSError as error:
        why = f"{store.database.folder} cannot be written to: {error.strerror}"
        _LOG.warning("%s; each start of studybot builds the FAISS view anew until it can be", why)
    return view


def _embed(texts: Mapping[bytes, str], store: Store, encoder: Encoder, on_progress: Callable[[Progress], None]) -> int:
    """Put the vectors that the store lacks into it and return how many that were."""
    known = store.known_vectors(texts)
    # Texts of like length share a batch, so that little of it is padding.
    missing = sorted((key for key in texts if key not in known), key=lambda key: len(texts[key]))
    for start in range(0, len(missing), _EMBED_AT_ONCE):
        on_progress(Progress("embedding", start, len(missing)))
        keys = missing[start : start + _EMBED_AT_ONCE]
        rows = encoder.encode([texts[key] for key in keys])
        with store.database.transaction():
            store.add_vectors(keys, rows)
    if missing:
        on_progress(Progress("embedding", len(missing), len(missing)))
    return len(missing)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Keep other syncs, of whatever process, from the index in ``folder``.

    Raises:
        IndexBusy: one is running.
        IndexUnwritable: the folder cannot be written to.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise IndexBusy(f"another studybot is indexing into {folder}; wait until it is done") from None
    except OSError as error:
        raise IndexUnwritable(f"{folder} cannot be written to: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()
