"""A sync: what changed in the notes folder is parsed, cut, embedded and committed at once; then the view is renewed."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from studybot import acronyms, chunking
from studybot.errors import IndexBusy, IndexUnwritable, NoNotes, NotesError
from studybot.markdown import parse
from studybot.notes import NoteFile, list_notes, read_note, was_guessed
from studybot.store import NotePassages, Store, StoredNote
from studybot.types import Document, Encoder, Note, Passage, Pipeline, SyncReport
from studybot.vectors import Stamp, VectorIndex

LOCK = "sync.lock"

# A file may change twice within one tick of its clock; one that was read that soon after it changed is read again.
_CLOCK_TICK_NS = 2_000_000_000
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
        known = store.notes()
        same_pipeline = store.pipeline == pipeline
        added: list[str] = []
        changed: list[str] = []
        touched: list[StoredNote] = []
        contents: list[NotePassages] = []
        texts: dict[bytes, str] = {}
        unreadable = dict(listing.left_out)
        decoded: dict[str, str] = {}
        for done, file in enumerate(listing.files):
            on_progress(Progress("reading", done, len(listing.files)))
            before = known.get(file.path)
            if before and same_pipeline and is_unchanged(file, before):
                if was_guessed(before.encoding):
                    decoded[file.path] = before.encoding
                continue
            read_ns = time.time_ns()
            try:
                note = read_note(folder, file.path)
            except NotesError as error:
                unreadable[file.path] = str(error)
                continue
            if was_guessed(note.encoding):
                decoded[note.path] = note.encoding
            stored = StoredNote(note.path, note.sha256, note.encoding, file.size, file.mtime_ns, read_ns)
            if before and same_pipeline and before.sha256 == note.sha256:
                touched.append(stored)
                continue
            contents.append(_content(stored, note, encoder, texts))
            if before is None:
                added.append(note.path)
            elif before.sha256 != note.sha256:
                changed.append(note.path)
        on_progress(Progress("reading", len(listing.files), len(listing.files)))
        present = {file.path for file in listing.files} - unreadable.keys()
        removed = sorted(known.keys() - present)
        embedded = _embed(texts, store, encoder, on_progress)
        is_same_folder = store.notes_folder == folder.resolve()
        is_changed = bool(contents or removed) or not same_pipeline or not is_same_folder
        if is_changed or touched:
            on_progress(Progress("writing", 0, len(contents)))
            with store.database.transaction():
                for path in removed:
                    store.remove_note(path)
                for stored in touched:
                    store.touch_note(stored)
                for content in contents:
                    store.put_note(content)
                if is_changed:
                    store.drop_unused_vectors()
                    store.sign(pipeline, folder.resolve())
                store.seal()
            on_progress(Progress("writing", len(contents), len(contents)))
        if is_changed:
            _new_view(store)
        counts = store.counts()
    return SyncReport(
        added=tuple(added),
        changed=tuple(changed),
        removed=tuple(removed),
        unreadable=dict(sorted(unreadable.items())),
        decoded=decoded,
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
    view = VectorIndex.load(store.database.folder, Stamp(*store.state))
    return _new_view(store) if view is None else view


def cut(note: Note, encoder: Encoder) -> tuple[Document, list[Passage]]:
    """Return ``note`` parsed, and its passages."""
    document = parse(note.text)
    return document, chunking.passages(note, document, encoder.count_tokens, encoder.max_tokens)


def _new_view(store: Store) -> VectorIndex:
    """Return a new view, written if that is possible: else nothing is lost but the time to build it anew."""
    rows, vectors = store.passage_vectors()
    view = VectorIndex.build(vectors, rows, Stamp(*store.state))
    try:
        view.write(store.database.folder)
    except OSError as error:
        why = f"{store.database.folder} cannot be written to: {error.strerror}"
        _LOG.warning("%s; each start of studybot builds the FAISS view anew until it can be", why)
    return view


def _content(stored: StoredNote, note: Note, encoder: Encoder, texts: dict[bytes, str]) -> NotePassages:
    """Return what is stored of ``note``, and put the texts that need a vector into ``texts`` by their keys."""
    document, passages = cut(note, encoder)
    statements = {statement.start: statement for section in document.sections for statement in section.statements}
    keys = []
    for passage in passages:
        own = [chunking.passage_text(passage), *chunking.statement_texts(passage, statements)]
        own_keys = [_key(encoder.fingerprint, text) for text in own]
        texts.update(zip(own_keys, own, strict=True))
        keys.append((own_keys[0], own_keys[1:]))
    spoken = [chunking.readable(statement.text) for statement in statements.values()]
    titles = [section.heading[-1] for section in document.sections if section.heading]
    found = [pair for text in (*titles, *spoken) for pair in acronyms.forms(text)]
    return NotePassages(stored, passages, keys, found)


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


def is_unchanged(file: NoteFile, before: StoredNote) -> bool:
    """Return whether ``file`` need not be opened to know that it says what it said."""
    is_same_file = (file.size, file.mtime_ns) == (before.size, before.mtime_ns)
    return is_same_file and before.read_ns - before.mtime_ns > _CLOCK_TICK_NS


def _key(fingerprint: str, text: str) -> bytes:
    return hashlib.sha256(f"{fingerprint}\0{text}".encode()).digest()[:16]


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
