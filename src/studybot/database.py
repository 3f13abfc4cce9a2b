"""The SQLite file of an index: its connection, its transactions. The only door to SQLite.

What is written in a transaction is there whole or not at all, whenever the process dies; and once it is committed it
stays, even if the power is cut.
"""

import os
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from studybot.errors import IndexBusy, IndexCorrupt, IndexMismatch, IndexMissing, IndexUnusable, IndexUnwritable
from studybot.layout import FORMAT, KEPT, TABLES
from studybot.seals import seal

FILE = "studybot.sqlite"
LOG = f"{FILE}-wal"
"""What was committed and is not in the file yet."""
PATIENCE_S = 30
"""How long a transaction waits for another one's end."""
VERSION = sqlite3.sqlite_version
"""SQLite's own."""

_UNWRITABLE = {
    *(sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
}
# What reading fails of, by the whole code.
_UNREADABLE = {
    *(sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS),
    *(sqlite3.SQLITE_READONLY_CANTLOCK, sqlite3.SQLITE_READONLY_CANTINIT, sqlite3.SQLITE_READONLY_RECOVERY),
}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
# SQLite's words where its code says no more than that something failed: a damaged schema, text that is not UTF-8.
_DAMAGED_WORDS = ("no such", "could not decode", "unsupported file format")


class Database:
    """One connection to the file in a folder. Threads may share it; each call waits for its turn."""

    def __init__(self, folder: Path, *, write: bool = False, patience_s: float = PATIENCE_S) -> None:
        """Open the file in ``folder``; with ``write`` it is made when it is missing.

        Raises:
            IndexMissing: there is none, and ``write`` is false.
            IndexMismatch: it has another format than this version of studybot reads.
            IndexCorrupt: the file is damaged.
            IndexUnwritable: the folder cannot be written to, and ``write`` is true.
        """
        self.folder = folder
        self.file = folder / FILE
        self._lock = threading.RLock()
        self._write = write
        if write:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise IndexUnwritable(f"{folder} cannot be written to: {error.strerror}") from error
        elif not self.file.is_file():
            raise IndexMissing(f"there is no index in {folder}; run `studybot index NOTES`")
        with self._translated():
            self._connection = self._connect(patience_s, write=write)
            try:
                self._prepare(write=write)
                # Only now: tables of another format are dropped in any order.
                self._connection.execute("PRAGMA foreign_keys = ON")
            except BaseException:
                self._connection.close()
                raise
        self._opened = self._identity()

    @classmethod
    @contextmanager
    def as_it_is(cls, folder: Path) -> "Iterator[Database]":
        """Give the file in ``folder`` whatever its format and its state, to read from it what can be read."""
        made = cls.__new__(cls)
        made.folder, made.file, made._lock, made._write = folder, folder / FILE, threading.RLock(), False
        with made._translated():
            made._connection = sqlite3.connect(made.file, isolation_level=None)
            # SQLite then reads a file that is too short, and those of its tables that it can make out.
            made._connection.execute("PRAGMA writable_schema = ON")
        try:
            yield made
        finally:
            made._connection.close()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    @property
    def is_gone(self) -> bool:
        """Whether the file was deleted, or another one stands in its place: this one is read on, but is no index."""
        return self._identity() != self._opened

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
        """Make everything read within come from one state of the file, whatever a sync commits meanwhile.

        One within another, or within a transaction, is the same.
        """
        with self._lock, self._translated():
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("ROLLBACK")

    def all(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of ``query``."""
        with self._lock, self._translated():
            return self._connection.execute(query, values).fetchall()

    def readable(self, query: str, values: Sequence[Any] = ()) -> tuple[list[Any], bool]:
        """Return the rows of ``query`` up to the first one that cannot be read, and whether these are all."""
        rows = []
        with self._lock:
            try:
                for row in self._connection.execute(query, values):
                    rows.append(row)  # noqa: PERF402 - those before an error are wanted
            except sqlite3.DatabaseError:
                return rows, False
        return rows, True

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

    def meta(self) -> dict[str, str]:
        """Return what is noted of the index as a whole, by name.

        Raises:
            IndexCorrupt: it is not what was noted.
        """
        values = dict(self.all("SELECT name, value FROM meta ORDER BY name"))
        if values.pop("seal", None) != str(seal(*values.items())):
            raise self.corrupt("what is noted of the index is not what was written")
        return values

    def note(self, **values: str) -> None:
        """Note ``values`` of the index as a whole, in the place of those of the same names."""
        self._write_meta({**self.meta(), **values})

    def damage(self) -> str | None:
        """Return what SQLite's own check finds wrong with the file, or None."""
        found: str = self.one("PRAGMA integrity_check(1)")
        return None if found == "ok" else found

    def corrupt(self, what: str) -> IndexCorrupt:
        """Return the error that says ``what`` is damaged, and what mends it."""
        return IndexCorrupt(f"{self.file} is damaged ({what}); run `studybot doctor --repair`")

    def _identity(self) -> tuple[int, int] | None:
        try:
            found = self.file.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _connect(self, patience_s: float, *, write: bool) -> sqlite3.Connection:
        if write:
            db = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False, timeout=patience_s)
            # Readers go on reading the last state while a sync writes the next.
            db.execute("PRAGMA journal_mode = WAL")
        else:
            # SQLite reads with a log of commits, which it cannot make where nothing can be written. One that is there,
            # of somebody who writes or who was killed, belongs to what is read.
            reading = "mode=ro" if (self.folder / LOG).exists() else "immutable=1"
            mode = "mode=rw" if os.access(self.folder, os.W_OK) else reading
            address = f"{self.file.resolve().as_uri()}?{mode}"
            db = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=patience_s)
        # Not NORMAL, which lets a power cut take back what was committed last: a turn that was kept has to stay.
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA cell_size_check = ON")
        db.create_function("seal", -1, seal, deterministic=True)
        return db

    def _prepare(self, *, write: bool) -> None:
        found = self.one("PRAGMA user_version")
        if found == FORMAT:
            return
        if not write:
            raise IndexMismatch(f"{self.file} has format {found}, this version reads {FORMAT}; run `studybot index`")
        with self.transaction():
            # Another process may have made the tables while this one waited for its turn.
            if self.one("PRAGMA user_version") == FORMAT:
                return
            folder = ""
            # A new file notes nothing, a later format may do so otherwise.
            with suppress(IndexUnusable):
                folder = self.one("SELECT value FROM meta WHERE name = 'notes_folder'") or ""
            kept = self._set_aside()
            for statement in TABLES.split(";\n"):
                self._connection.execute(statement)
            noted = dict.fromkeys(("contents", "generation", "identity", "notes_folder", "pipeline", "spellings"), "")
            noted |= {"generation": "0", "identity": uuid.uuid4().hex, "notes_folder": folder}
            self._write_meta(noted)
            for name in kept:
                self._put_back(name)
            self._connection.execute(f"PRAGMA user_version = {FORMAT}")

    def _write_meta(self, values: dict[str, str]) -> None:
        ordered = sorted(values.items())
        self.run_many("INSERT OR REPLACE INTO meta VALUES (?, ?)", [*ordered, ("seal", str(seal(*ordered)))])

    def _set_aside(self) -> list[str]:
        """Drop every table and trigger but those that are kept; return the names of these, which end in _before now."""
        found = self.all("SELECT type, name FROM sqlite_master WHERE type IN ('table', 'trigger')")
        # The table of words takes those with it that SQLite keeps behind it.
        names = {
            (kind, name) for kind, name in found if kind == "trigger" or not name.startswith(("sqlite_", "words_"))
        }
        kept = [name for name in KEPT if ("table", name) in names]
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
        self.seal_rows(table)

    def seal_rows(self, table: str, which: str = "seal IS NULL", values: Sequence[Any] = ()) -> None:
        """Seal the rows of ``table``, one of ``KEPT``, for which ``which`` holds; else those without a seal."""
        self.run(f"UPDATE {table} SET seal = seal({KEPT[table]}) WHERE {which}", values)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn SQLite's errors into ones that say what mends them."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            message = str(error)
            # The low byte; the others tell more. What sqlite3 raises by itself has none.
            whole = getattr(error, "sqlite_errorcode", 0)
            code = whole & 0xFF
            if whole in _UNREADABLE or (code == sqlite3.SQLITE_CANTOPEN and not self._write):
                raise IndexUnusable(
                    f"{self.file} cannot be read ({message}); see that you may read it, and what is beside it"
                ) from error
            if code in _UNWRITABLE:
                raise IndexUnwritable(
                    f"{self.folder} cannot be written to ({message}); the index is as it was"
                ) from error
            if code == sqlite3.SQLITE_BUSY:
                raise IndexBusy(f"another studybot is writing into {self.folder}; wait until it is done") from error
            if code in _DAMAGED or message.lower().startswith(_DAMAGED_WORDS):
                raise self.corrupt(message) from error
            raise IndexUnusable(f"{self.file}: {message}; `studybot doctor` may tell more") from error
