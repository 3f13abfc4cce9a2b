"""The store: notes, passages, statements, vectors, full-text index and history in one SQLite file.

The only door to SQLite. What was written in a ``transaction`` is there whole or not at all, whenever the process dies.
"""

import hashlib
import json
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from studybot.errors import IndexCorrupt, IndexMismatch, IndexMissing, IndexUnusable, IndexUnwritable
from studybot.types import Passage, Statement, Vectors

FILE = "studybot.sqlite"
FORMAT = 1
"""Raised when the tables change; a store of another format is built anew."""

FIELDS = ("title", "path", "body")
"""What the full-text index holds of a passage: its last heading, the headings above and the note's name, its text."""

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE notes (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL, encoding TEXT NOT NULL,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, read_ns INTEGER NOT NULL
);
CREATE TABLE vectors (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, row BLOB NOT NULL);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY, note INTEGER NOT NULL REFERENCES notes ON DELETE CASCADE, name TEXT NOT NULL UNIQUE,
    heading TEXT NOT NULL, text TEXT NOT NULL, text_sha256 TEXT NOT NULL, context TEXT NOT NULL, start INTEGER NOT NULL,
    start_line INTEGER NOT NULL, end_line INTEGER NOT NULL, vector INTEGER NOT NULL REFERENCES vectors
);
CREATE INDEX passages_of_note ON passages (note);
CREATE INDEX passages_saying ON passages (text_sha256);
CREATE TABLE statements (
    passage INTEGER NOT NULL REFERENCES passages ON DELETE CASCADE, place INTEGER NOT NULL, kind TEXT NOT NULL,
    start INTEGER NOT NULL, length INTEGER NOT NULL, start_line INTEGER NOT NULL, end_line INTEGER NOT NULL,
    parent INTEGER, vector INTEGER NOT NULL REFERENCES vectors, PRIMARY KEY (passage, place)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (title, path, body, tokenize = 'porter unicode61 remove_diacritics 2');
CREATE TRIGGER words_go AFTER DELETE ON passages BEGIN DELETE FROM words WHERE rowid = old.id; END;
CREATE TABLE conversations (id TEXT PRIMARY KEY, began REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE turns (
    conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE, place INTEGER NOT NULL, asked REAL NOT NULL,
    question TEXT NOT NULL, answer TEXT NOT NULL, PRIMARY KEY (conversation, place)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What the stored passages and vectors were made with; another pipeline would make others."""

    model: str
    max_tokens: int
    chunking: int


@dataclass(frozen=True, slots=True)
class StoredNote:
    """A note as it was when it was last read. ``read_ns`` is when, on the same clock as ``mtime_ns``."""

    path: str
    sha256: str
    encoding: str
    size: int
    mtime_ns: int
    read_ns: int


@dataclass(frozen=True, slots=True)
class NotePassages:
    """A note with its passages, and for each passage the keys of the vectors of itself and of its statements."""

    note: StoredNote
    passages: Sequence[Passage]
    keys: Sequence[tuple[bytes, Sequence[bytes]]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the fusion needs of a passage: shape ``(dim,)`` for it, ``(statements, dim)`` for its statements."""

    number: int
    note: str
    start: int
    vector: Vectors
    statement_vectors: Vectors


class Store:
    """One connection to the store in a folder. Threads may share it; each call waits for its turn."""

    def __init__(self, folder: Path, *, write: bool = False) -> None:
        """Open the store in ``folder``; with ``write`` it is made when it is missing.

        Raises:
            IndexMissing: there is none, and ``write`` is false.
            IndexMismatch: it has another format than this version of studybot reads.
            IndexCorrupt: the file is damaged.
            IndexUnwritable: the folder cannot be written to.
        """
        self.folder = folder
        self.file = folder / FILE
        self._lock = threading.RLock()
        if write:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise IndexUnwritable(f"{folder} cannot be written to: {error.strerror}") from error
        elif not self.file.is_file():
            raise IndexMissing(f"there is no index in {folder}; run `studybot index NOTES`")
        with self._translated():
            self._db = self._connect(write=write)
            try:
                self._prepare(write=write)
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything written within come true at once, or nothing when an error leaves the block."""
        with self._lock, self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Make everything read within come from one state of the store, whatever a sync commits meanwhile."""
        with self._lock, self._translated():
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("ROLLBACK")

    # What the store is

    @property
    def identity(self) -> str:
        """A name that no other store has."""
        return self._meta("identity")

    @property
    def generation(self) -> int:
        """Raised by every sync that changed something."""
        return int(self._meta("generation"))

    @property
    def state(self) -> tuple[str, int]:
        """The store's identity and its generation: two reads that give the same read the same."""
        return self.identity, self.generation

    @property
    def pipeline(self) -> Pipeline | None:
        """What the stored vectors were made with, or None before the first sync."""
        value = self._meta("pipeline")
        return Pipeline(**json.loads(value)) if value else None

    @property
    def notes_folder(self) -> Path | None:
        """The folder of the last sync."""
        value = self._meta("notes_folder")
        return Path(value) if value else None

    def counts(self) -> dict[str, int]:
        """Return how many notes, passages, statements and vectors there are."""
        tables = ("notes", "passages", "statements", "vectors")
        with self._lock, self._translated():
            return {table: self._one(f"SELECT count(*) FROM {table}") for table in tables}

    def damage(self) -> str | None:
        """Return what SQLite's own check finds wrong with the file, or None."""
        with self._lock, self._translated():
            found: str = self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        return None if found == "ok" else found

    # Writing, within a transaction

    def sign(self, pipeline: Pipeline, notes_folder: Path) -> None:
        """Note what the stored passages were made with and from, and raise the generation."""
        values = {"pipeline": json.dumps(asdict(pipeline)), "notes_folder": str(notes_folder)}
        for name, value in values.items():
            self._db.execute("UPDATE meta SET value = ? WHERE name = ?", (value, name))
        self._db.execute("UPDATE meta SET value = value + 1 WHERE name = 'generation'")

    def put_note(self, content: NotePassages) -> None:
        """Put a note in the place of the one of the same path. All its vectors must be there."""
        note = content.note
        self.remove_note(note.path)
        note_id = self._db.execute(
            "INSERT INTO notes (path, sha256, encoding, size, mtime_ns, read_ns) VALUES (?, ?, ?, ?, ?, ?)",
            (note.path, note.sha256, note.encoding, note.size, note.mtime_ns, note.read_ns),
        ).lastrowid
        stem = note.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        for passage, (key, statement_keys) in zip(content.passages, content.keys, strict=True):
            passage_id = self._db.execute(
                "INSERT INTO passages (note, name, heading, text, text_sha256, context, start, start_line, end_line, vector)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, (SELECT id FROM vectors WHERE key = ?))",
                (
                    note_id,
                    passage.id,
                    json.dumps(passage.heading, ensure_ascii=False),
                    passage.text,
                    hashlib.sha256(passage.text.encode()).hexdigest(),
                    passage.context,
                    passage.start,
                    passage.start_line,
                    passage.end_line,
                    key,
                ),
            ).lastrowid
            self._db.executemany(
                "INSERT INTO statements (passage, place, kind, start, length, start_line, end_line, parent, vector)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, (SELECT id FROM vectors WHERE key = ?))",
                [
                    (passage_id, place, s.kind, s.start, len(s.text), s.start_line, s.end_line, s.parent, statement_key)
                    for place, (s, statement_key) in enumerate(zip(passage.statements, statement_keys, strict=True))
                ],
            )
            if passage.statements:
                title = passage.heading[-1] if passage.heading else stem
                path = " ".join((*passage.heading[:-1], note.path.rsplit(".", 1)[0]))
                self._db.execute(
                    "INSERT INTO words (rowid, title, path, body) VALUES (?, ?, ?, ?)",
                    (passage_id, title, path, f"{passage.context} {passage.text}"),
                )

    def touch_note(self, note: StoredNote) -> None:
        """Note when a note that says what it said was read again."""
        self._db.execute(
            "UPDATE notes SET size = ?, mtime_ns = ?, read_ns = ? WHERE path = ?",
            (note.size, note.mtime_ns, note.read_ns, note.path),
        )

    def remove_note(self, path: str) -> None:
        """Remove a note, its passages and its statements."""
        self._db.execute("DELETE FROM notes WHERE path = ?", (path,))

    def add_vectors(self, keys: Sequence[bytes], rows: Vectors) -> None:
        """Keep one row of ``rows``, shape ``(keys, dim)``, under each key, in half precision: errors below 0.0005."""
        halves = rows.astype(np.float16)
        self._db.executemany(
            "INSERT OR IGNORE INTO vectors (key, row) VALUES (?, ?)",
            [(key, half.tobytes()) for key, half in zip(keys, halves, strict=True)],
        )

    def drop_unused_vectors(self) -> None:
        """Remove the vectors that no passage and no statement has."""
        self._db.execute(
            "DELETE FROM vectors WHERE id NOT IN (SELECT vector FROM passages UNION ALL SELECT vector FROM statements)"
        )

    # Reading

    def notes(self) -> dict[str, StoredNote]:
        """Return the notes by path, in the order of their paths."""
        columns = "path, sha256, encoding, size, mtime_ns, read_ns"
        rows = self._all(f"SELECT {columns} FROM notes ORDER BY path")
        return {row[0]: StoredNote(*row) for row in rows}

    def known_vectors(self, keys: Iterable[bytes]) -> set[bytes]:
        """Return those of ``keys`` that have a vector."""
        with self._lock, self._translated():
            find = "SELECT 1 FROM vectors WHERE key = ?"
            return {key for key in keys if self._db.execute(find, (key,)).fetchone()}

    def passage_vectors(self) -> tuple[list[int], Vectors]:
        """Return the number and the vector of every passage that says something, in the order of the notes."""
        rows = self._all(
            "SELECT p.id, v.row FROM passages p JOIN vectors v ON v.id = p.vector JOIN notes n ON n.id = p.note"
            " WHERE EXISTS (SELECT 1 FROM statements s WHERE s.passage = p.id) ORDER BY n.path, p.start"
        )
        return [row[0] for row in rows], _unpacked([row[1] for row in rows])

    def passage_numbers(self, prefixes: Collection[str]) -> set[int]:
        """Return the numbers of the passages of all notes whose path starts with one of ``prefixes``."""
        chosen = " OR ".join("substr(n.path, 1, length(?)) = ?" for _ in prefixes)
        values = [value for prefix in prefixes for value in (prefix, prefix)]
        rows = self._all(f"SELECT p.id FROM passages p JOIN notes n ON n.id = p.note WHERE {chosen or '0'}", values)
        return {row[0] for row in rows}

    def candidates(self, numbers: Collection[int]) -> list[Candidate]:
        """Return the vectors of the passages with these numbers, and of their statements."""
        listed = ",".join(map(str, numbers))
        passages = self._all(
            "SELECT p.id, n.path, p.start, v.row FROM passages p JOIN notes n ON n.id = p.note"
            f" JOIN vectors v ON v.id = p.vector WHERE p.id IN ({listed})"
        )
        statements: dict[int, list[bytes]] = {}
        for number, row in self._all(
            "SELECT s.passage, v.row FROM statements s JOIN vectors v ON v.id = s.vector"
            f" WHERE s.passage IN ({listed}) ORDER BY s.passage, s.place"
        ):
            statements.setdefault(number, []).append(row)
        return [
            Candidate(number, path, start, _unpacked([row])[0], _unpacked(statements[number]))
            for number, path, start, row in passages
        ]

    def passages(self, numbers: Collection[int]) -> dict[int, Passage]:
        """Return the passages with these numbers, by number."""
        listed = ",".join(map(str, numbers))
        statements: dict[int, list[tuple[Any, ...]]] = {number: [] for number in numbers}
        for row in self._all(
            "SELECT passage, kind, start, length, start_line, end_line, parent FROM statements"
            f" WHERE passage IN ({listed}) ORDER BY passage, place"
        ):
            statements[row[0]].append(row[1:])
        rows = self._all(
            "SELECT p.id, p.name, n.path, p.heading, p.text, p.start, p.start_line, p.end_line, p.context"
            f" FROM passages p JOIN notes n ON n.id = p.note WHERE p.id IN ({listed})"
        )
        return {
            number: Passage(
                id=name,
                note=path,
                heading=tuple(json.loads(heading)),
                text=text,
                start=start,
                start_line=start_line,
                end_line=end_line,
                statements=tuple(_statement(text, start, row) for row in statements[number]),
                context=context,
            )
            for number, name, path, heading, text, start, start_line, end_line, context in rows
        }

    def passages_saying(self, hash_prefix: str) -> list[Passage]:
        """Return the passages whose text has a SHA-256 that starts with ``hash_prefix``, in hexadecimal digits."""
        rows = self._all("SELECT id FROM passages WHERE text_sha256 BETWEEN ? AND ?", (hash_prefix, hash_prefix + "g"))
        return list(self.passages([row[0] for row in rows]).values())

    def all_passages(self) -> Iterator[Passage]:
        """Yield every passage, in the order of the notes."""
        numbers = self._all("SELECT p.id FROM passages p JOIN notes n ON n.id = p.note ORDER BY n.path, p.start")
        for (number,) in numbers:
            yield self.passages([number])[number]

    def matches(self, terms: Sequence[str], weights: Mapping[str, float], depth: int) -> dict[int, float]:
        """Return up to ``depth`` passages that hold one of ``terms``, with their BM25, best first; larger is better.

        ``weights`` has one factor for each of ``FIELDS``.
        """
        if not terms:
            return {}
        factors = ", ".join(str(float(weights[field])) for field in FIELDS)
        rows = self._all(
            f"SELECT rowid, -bm25(words, {factors}) AS score FROM words WHERE words MATCH ?"
            " ORDER BY score DESC, rowid LIMIT ?",
            (" OR ".join(_quoted(term) for term in terms), depth),
        )
        return dict(rows)

    def document_counts(self, terms: Sequence[str]) -> tuple[int, list[int]]:
        """Return how many passages there are, and how many of them hold each of ``terms`` in any form of the word."""
        with self._lock, self._translated():
            total = self._one("SELECT count(*) FROM words")
            find = "SELECT count(*) FROM words WHERE words MATCH ?"
            return total, [self._db.execute(find, (_quoted(term),)).fetchone()[0] for term in terms]

    # History

    def new_conversation(self) -> str:
        """Begin a conversation and return its id."""
        identity = uuid.uuid4().hex
        with self.transaction():
            self._db.execute("INSERT INTO conversations VALUES (?, ?)", (identity, time.time()))
        return identity

    def has_conversation(self, identity: str) -> bool:
        """Return whether a conversation has this id."""
        return bool(self._all("SELECT 1 FROM conversations WHERE id = ?", (identity,)))

    def add_turn(self, conversation: str, question: str, answer: str) -> None:
        """Keep a question and the text of its answer, empty for a refusal, at the end of a conversation."""
        with self.transaction():
            self._db.execute(
                "INSERT INTO turns SELECT ?, coalesce(max(place), 0) + 1, ?, ?, ? FROM turns WHERE conversation = ?",
                (conversation, time.time(), question, answer, conversation),
            )

    def turns(self, conversation: str) -> list[tuple[str, str]]:
        """Return the questions and answers of a conversation, in order."""
        return self._all("SELECT question, answer FROM turns WHERE conversation = ? ORDER BY place", (conversation,))

    # The connection

    def _connect(self, *, write: bool) -> sqlite3.Connection:
        if write:
            db = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False, timeout=30)
            # Readers go on reading the last state while a sync writes the next.
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute("PRAGMA foreign_keys = ON")
            return db
        # A log of pending writes cannot be kept where nothing can be written; nothing else writes there either.
        mode = "mode=rw" if os.access(self.folder, os.W_OK) else "immutable=1"
        address = f"{self.file.resolve().as_uri()}?{mode}"
        return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=30)

    def _prepare(self, *, write: bool) -> None:
        found = self._one("PRAGMA user_version")
        if found == FORMAT:
            return
        if not write:
            raise IndexMismatch(f"{self.file} has format {found}, this version reads {FORMAT}; run `studybot index`")
        with self.transaction():
            names = self._all("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND sql NOT NULL")
            for kind, name in sorted(names, key=lambda row: row[1] != "words"):
                self._db.execute(f'DROP {kind} IF EXISTS "{name}"')
            for statement in _TABLES.split(";\n"):
                self._db.execute(statement)
            values = {"identity": uuid.uuid4().hex, "generation": "0", "pipeline": "", "notes_folder": ""}
            self._db.executemany("INSERT INTO meta VALUES (?, ?)", values.items())
            self._db.execute(f"PRAGMA user_version = {FORMAT}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn SQLite's errors into ones that say what mends them."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            message = str(error)
            if "full" in message or "readonly" in message or "disk I/O" in message or "unable to open" in message:
                raise IndexUnwritable(
                    f"{self.folder} cannot be written to ({message}); the index is as it was"
                ) from error
            if "malformed" in message or "not a database" in message or "no such table" in message:
                raise IndexCorrupt(
                    f"{self.file} is damaged ({message}); delete the file and run `studybot index`"
                ) from error
            raise IndexUnusable(f"{self.file}: {message}") from error

    def _meta(self, name: str) -> str:
        value: str = self._all("SELECT value FROM meta WHERE name = ?", (name,))[0][0]
        return value

    def _one(self, query: str) -> int:
        value: int = self._db.execute(query).fetchone()[0]
        return value

    def _all(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock, self._translated():
            return self._db.execute(query, values).fetchall()


def _statement(text: str, passage_start: int, row: tuple[Any, ...]) -> Statement:
    kind, start, length, start_line, end_line, parent = row
    begin = start - passage_start
    return Statement(kind, text[begin : begin + length], start, start_line, end_line, parent)


def _unpacked(rows: Sequence[bytes]) -> Vectors:
    if not rows:
        return np.empty((0, 0), np.float32)
    return np.frombuffer(b"".join(rows), np.float16).reshape(len(rows), -1).astype(np.float32)


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'
