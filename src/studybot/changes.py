"""What changed in a notes folder since it was indexed: read, parsed, and cut into passages."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from studybot import acronyms, chunking
from studybot.errors import NotesError
from studybot.markdown import parse
from studybot.notes import Listing, NoteFile, read_note, was_guessed
from studybot.store import NotePassages, StoredNote
from studybot.types import Document, Encoder, Note, Passage

# A file may change twice within one tick of its clock; one that was read that soon after it changed is read again.
_CLOCK_TICK_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Changes:
    """What a sync is to do, and to tell: names of notes, each list sorted.

    ``contents`` is what is stored anew, with ``texts`` that need a vector by their keys; ``touched`` are the notes that
    were read and say what they said. ``unreadable`` and ``decoded`` are as in :class:`studybot.types.SyncReport`.
    """

    added: list[str]
    changed: list[str]
    removed: list[str]
    unreadable: dict[str, str]
    decoded: dict[str, str]
    touched: list[StoredNote]
    contents: list[NotePassages]
    texts: dict[bytes, str]


def changes(
    folder: Path,
    listing: Listing,
    known: Mapping[str, StoredNote],
    encoder: Encoder,
    on_read: Callable[[int], None],
    *,
    is_anew: bool,
) -> Changes:
    """Return what changed in ``folder``, which has the notes listed, since those that are ``known`` were indexed.

    Where ``is_anew``, all are stored again. ``on_read`` is told how many notes were looked at.
    """
    added: list[str] = []
    changed: list[str] = []
    touched: list[StoredNote] = []
    contents: list[NotePassages] = []
    texts: dict[bytes, str] = {}
    unreadable = dict(listing.left_out)
    decoded: dict[str, str] = {}
    for done, file in enumerate(listing.files):
        on_read(done)
        before = known.get(file.path)
        if before and not is_anew and is_unchanged(file, before):
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
        if before and not is_anew and before.sha256 == note.sha256:
            touched.append(stored)
            continue
        contents.append(_content(stored, note, encoder, texts))
        if before is None:
            added.append(note.path)
        elif before.sha256 != note.sha256:
            changed.append(note.path)
    on_read(len(listing.files))
    present = {file.path for file in listing.files} - unreadable.keys()
    removed = sorted(known.keys() - present)
    return Changes(added, changed, removed, dict(sorted(unreadable.items())), decoded, touched, contents, texts)


def cut(note: Note, encoder: Encoder) -> tuple[Document, list[Passage]]:
    """Return ``note`` parsed, and its passages."""
    document = parse(note.text)
    return document, chunking.passages(note, document, encoder.count_tokens, encoder.max_tokens)


def is_unchanged(file: NoteFile, before: StoredNote) -> bool:
    """Return whether ``file`` need not be opened to know that it says what it said."""
    is_same_file = (file.size, file.mtime_ns) == (before.size, before.mtime_ns)
    return is_same_file and before.read_ns - before.mtime_ns > _CLOCK_TICK_NS


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


def _key(fingerprint: str, text: str) -> bytes:
    return hashlib.sha256(f"{fingerprint}\0{text}".encode()).digest()[:16]
