"""The SQLite file of an index: its tables, its connection, its transactions. The only door to SQLite.

What is written in a transaction is there whole or not at all, whenever the process dies.
"""

import os
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from studybot.errors import IndexCorrupt, IndexMismatch, IndexMissing, IndexUnusable, IndexUnwritable

FILE = "studybot.sqlite"
VERSION = sqlite3.sqlite_version
"""SQLite's own."""

FORMAT = 3
"""Raised when the tables change; a file of another format is built anew by the next sync."""

_KEPT = ("conversations", "turns", "vectors")
"""Tables that outlive being built anew: what the notes cannot give back, and what took longest to make."""

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE notes (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL, encoding TEXT NOT NULL,
    size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, read_ns INTEGER NOT NULL
);
CREATE TABLE acronyms (note INTEGER NOT NULL REFERENCES notes ON DELETE CASCADE, short TEXT, long TEXT);
CREATE INDEX acronyms_of_note ON acronyms (note);
CREATE TABLE vectors (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, row BLOB NOT NULL);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY, note INTEGER NOT NULL REFERENCES notes ON DELETE CASCADE, name TEXT NOT NULL UNIQUE,
    heading TEXT NOT NULL, text TEXT NOT NULL, text_sha256 TEXT NOT NULL, context TEXT NOT NULL, start INTEGER NOT NULL,
    start_line INTEGER NOT NULL, end_line INTEGER NOT NULL, vector INTEGER NOT NULL REFERENCES vectors,
    packed BLOB NOT NULL
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
CREATE TABLE conversations (id TEXT PRIMARY KEY, began REAL NOT NULL, title TEXT) WITHOUT ROWID;
CREATE TABLE turns (
    conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE, place INTEGER NOT NULL, asked REAL NOT NULL,
    question TEXT NOT NULL, answer TEXT NOT NULL, interpreted_as TEXT, refused INTEGER NOT NULL DEFAULT 0,
    cited TEXT NOT NULL DEFAULT '[]', PRIMARY KEY (conversation, place)
) WITHOUT ROWID;
"""


class Database:
    """One connection to the file in a folder. Threads may share it; each call waits for its turn."""

    def __init__(self, folder: Path, *, write: bool = False) -> None:
        """Open the file in ``folder``; with ``write`` it is made when it is missing.

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
            self._connection = self._connect(write=write)
            try:
                self._prepare(write=write)
                # Only now: tables of another format are dropped in any order.
                self._connection.execute("PRAGMA foreign_keys = ON")
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything written within come true at once, or nothing when an error leaves the block."""
        with self._lock, self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Make everything read within come from one state of the file, whatever a sync commits meanwhile."""
        with self._lock, self._translated():
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")

    def all(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of ``query``."""
        with self._lock, self._translated():
            return self._connection.execute(query, values).fetchall()

    def one(self, query: str, values: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row of ``query``, or None when there is no row."""
        with self._lock, self._translated():
            row = self._connection.execute(query, values).fetchone()
        return None if row is None else row[0]

    def run(self, query: str, values: Sequence[Any] = ()) -> int:
        """Run a query that writes, and return the number of the row that it added."""
        with self._lock, self._translated():
            return self._connection.execute(query, values).lastrowid or 0

    def run_many(self, query: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a query that writes once for each of ``rows``."""
        with self._lock, self._translated():
            self._connection.executemany(query, rows)

    def damage(self) -> str | None:
        """Return what SQLite's own check finds wrong with the file, or None."""
        found: str = self.one("PRAGMA quick_check(1)")
        return None if found == "ok" else found

    def _connect(self, *, write: bool) -> sqlite3.Connection:
        if write:
            db = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False, timeout=30)
            # Readers go on reading the last state while a sync writes the next.
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            return db
        # A log of pending writes cannot be kept where nothing can be written; nothing else writes there either.
        mode = "mode=rw" if os.access(self.folder, os.W_OK) else "immutable=1"
        address = f"{self.file.resolve().as_uri()}?{mode}"
        return sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=30)

    def _prepare(self, *, write: bool) -> None:
        found = self.one("PRAGMA user_version")
        if found == FORMAT:
            return
        if not write:
            raise IndexMismatch(f"{self.file} has format {found}, this version reads {FORMAT}; run `studybot index`")
        with self.transaction():
            kept = self._set_aside()
            for statement in _TABLES.split(";\n"):
                self._connection.execute(statement)
            values = {"identity": uuid.uuid4().hex, "generation": "0", "pipeline": "", "notes_folder": ""}
            self._connection.executemany("INSERT INTO meta VALUES (?, ?)", values.items())
            for name in kept:
                self._put_back(name)
            self._connection.execute(f"PRAGMA user_version = {FORMAT}")

    def _set_aside(self) -> list[str]:
        """Drop every table and trigger but those that are kept; return the names of these, which end in _before now."""
        found = self.all("SELECT type, name FROM sqlite_master WHERE type IN ('table', 'trigger')")
        # The table of words takes those with it that SQLite keeps behind it.
        names = {
            (kind, name) for kind, name in found if kind == "trigger" or not name.startswith(("sqlite_", "words_"))
        }
        kept = [name for name in _KEPT if ("table", name) in names]
        dropped = names - {("table", name) for name in kept}
        for kind, name in sorted(dropped, key=lambda one: (one[0] == "table", one[1])):
            self._connection.execute(f'DROP {kind} "{name}"')
        for name in kept:
            self._connection.execute(f"ALTER TABLE {name} RENAME TO {name}_before")
        return kept

    def _put_back(self, table: str) -> None:
        """Give ``table`` what it had before, in the columns that it has now."""
        old, new = ({row[1] for row in self.all(f"PRAGMA table_info({name})")} for name in (f"{table}_before", table))
        columns = ", ".join(sorted(old & new))
        self._connection.execute(f"INSERT OR IGNORE INTO {table} ({columns}) SELECT {columns} FROM {table}_before")
        self._connection.execute(f"DROP TABLE {table}_before")

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
