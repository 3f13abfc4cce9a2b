"""A damaged store built anew: what can still be read of what the notes cannot give back is carried over.

The damaged file is kept in a folder beside the new one, whose name tells when: nobody has to trust a repair.
"""

import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from studybot import files
from studybot.checkup import damage
from studybot.database import FILE, LOG, Database
from studybot.errors import IndexBusy, IndexCorrupt, IndexMismatch, IndexMissing, IndexUnusable, IndexUnwritable
from studybot.indexing import only_one
from studybot.layout import KEPT
from studybot.seals import seal

_SHARED_LOG = f"{FILE}-shm"
_HEX = "0123456789abcdef"
# What SQLite cannot read is asked for in parts: numbers down to so many at once, ids down to so many digits.
_FEWEST = 8
_DEEPEST = 3
# Of a file's first bytes, those that are the same in every index of one format (https://sqlite.org/fileformat.html):
# what it is and how large its pages are, and how texts are encoded. Without them SQLite reads nothing at all.
_SAME = (slice(0, 24), slice(44, 60))
# A connection keeps these bytes locked as long as it is open: the shared lock of the same document.
_SHARED_FIRST, _SHARED_BYTES = 0x40000002, 510


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a store was built anew from: the folder with the damaged file, and how many rows were carried over by table.

    ``lost`` counts the rows that could be read but were not what was written; ``is_whole`` tells whether all could be.
    """

    damaged: Path
    carried: dict[str, int]
    lost: int
    is_whole: bool


def mend(folder: Path, sync: Callable[[], object]) -> Rebuilt | None:
    """Build the store in ``folder`` anew where it is damaged, ``sync`` it, and return what it was built from.

    Raises:
        IndexMissing: there is none.
        IndexBusy: another process has the damaged store open.
        IndexUnwritable: read-only or full.
        NotesFolderMissing: the damaged store does not tell any more which notes it was of; the rest is carried over.
    """
    try:
        if damage(folder) is None:
            sync()
            return None
    except IndexMismatch:
        # One of another format is no damage, unless a sync finds that it is.
        try:
            sync()
        except IndexCorrupt:
            pass
        else:
            return None
    rebuilt = rebuild(folder)
    sync()
    return rebuilt


def rebuild(folder: Path) -> Rebuilt:
    """Put a new store into ``folder``, without notes, with the conversations and vectors of the damaged one.

    Killed at any moment, it leaves the damaged store or the new one.

    Raises:
        IndexMissing: there is no store.
        IndexBusy: another process has it open, and would go on writing into the damaged file.
        IndexUnwritable: there is no place for both.
    """
    file = folder / FILE
    if not file.is_file():
        raise IndexMissing(f"there is no index in {folder}; run `studybot index NOTES`")
    scratch = folder / "repair"
    with only_one(folder):
        try:
            if _is_open_elsewhere(file):
                raise IndexBusy(f"another studybot has {file} open; stop it, then run `studybot doctor --repair`")
            # Of one that was killed.
            shutil.rmtree(scratch, ignore_errors=True)
            # One to keep, and one to read from, which SQLite may write to.
            for copy in ("kept", "old"):
                (scratch / copy).mkdir(parents=True)
                for name in (FILE, LOG):
                    if (folder / name).exists():
                        shutil.copyfile(folder / name, scratch / copy / name)
            made = _carry_over(scratch / "old", scratch)
            kept = folder / f"damaged-{datetime.now():%Y%m%d-%H%M%S-%f}"
            (scratch / "kept").rename(kept)
            # A log that stayed would be played into the new file.
            (folder / LOG).unlink(missing_ok=True)
            (folder / _SHARED_LOG).unlink(missing_ok=True)
            (scratch / FILE).replace(file)
            files.settle(folder)
        except OSError as error:
            raise IndexUnwritable(f"{folder} cannot be written to: {error.strerror}") from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return Rebuilt(kept, *made)


def _carry_over(damaged: Path, into: Path) -> tuple[dict[str, int], int, bool]:
    """Make a store in the folder ``into`` with those rows of the ``damaged`` one's that are sound."""
    # Once it is closed, all of it is in the file itself.
    Database(into, write=True).close()
    _mend_header(damaged / FILE, into / FILE)
    new = Database(into, write=True)
    lost, is_whole = 0, True
    try:
        with Database.as_it_is(damaged) as old, new.transaction():
            for table, columns in KEPT.items():
                rows, all_read = _rows(old, table, columns)
                sound = [row for *row, sealed in rows if sealed == seal(*row)]
                lost, is_whole = lost + len(rows) - len(sound), is_whole and all_read
                if table == "turns":
                    # Of those whose conversation cannot be read, a new one begins with the first of them.
                    new.run_many(
                        "INSERT OR IGNORE INTO conversations (id, began) VALUES (?, ?)",
                        [(row[0], row[2]) for row in sorted(sound, key=lambda row: row[1])],
                    )
                    new.seal_rows("conversations")
                marks = ", ".join("?" * (columns.count(",") + 1))
                new.run_many(f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})", sound)
                new.seal_rows(table)
            # Where even this is lost, the notes folder has to be named.
            with suppress(IndexUnusable):
                new.note(notes_folder=old.meta()["notes_folder"])
        return {table: new.one(f"SELECT count(*) FROM {table}") for table in KEPT}, lost, is_whole
    finally:
        new.close()


def _rows(old: Database, table: str, columns: str) -> tuple[list[list[Any]], bool]:
    """Return the rows of ``table`` that SQLite can read, each with its seal last, and whether these are all."""
    key = "id" if table != "turns" else "conversation"
    # No table has a row in less than a byte.
    ranges: list[tuple[Any, Any]] = [(0, old.file.stat().st_size) if table == "vectors" else ("", "g")]
    rows: dict[tuple[Any, ...], None] = {}
    is_whole = True
    while ranges:
        low, high = ranges.pop()
        query = f"SELECT {columns}, seal FROM {table} WHERE {key} >= ? AND {key} < ? ORDER BY {key}"
        found, all_read = old.readable(query, (low, high))
        parts = () if all_read else _parts(low, high)
        ranges += parts
        if not all_read and not parts:
            # Damage in the middle: what stands behind it is read from the end.
            is_whole = False
            found += old.readable(f"{query} DESC", (low, high))[0]
        rows.update(dict.fromkeys(found))
    return [list(row) for row in rows], is_whole


def _parts(low: Any, high: Any) -> Sequence[tuple[Any, Any]]:
    if isinstance(low, str):
        return [(low + digit, f"{low}{digit}g") for digit in _HEX] if len(low) < _DEEPEST else ()
    middle = (low + high) // 2
    return [(low, middle), (middle, high)] if high - low > _FEWEST else ()


def _mend_header(damaged: Path, sound: Path) -> None:
    """Give ``damaged`` what every index begins with, from one that is ``sound``."""
    with sound.open("rb") as stream:
        wanted = stream.read(100)
    with damaged.open("r+b") as stream:
        found = bytearray(stream.read(100))
        for part in _SAME:
            found[part] = wanted[part]
        stream.seek(0)
        stream.write(found)


def _is_open_elsewhere(file: Path) -> bool:
    """Return whether another process has a connection to ``file``; on Windows an open file is not replaced anyway.

    This one must have none: its locks would go.
    """
    if sys.platform == "win32":
        return False
    import fcntl

    with file.open("r+b") as stream:
        try:
            fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED_BYTES, _SHARED_FIRST)
        except BlockingIOError:
            return True
    return False
