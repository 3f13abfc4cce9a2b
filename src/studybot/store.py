"""What an index holds of the notes: their passages and statements, with their vectors and their words."""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from studybot.database import Database
from studybot.fulltext import FullText
from studybot.types import Candidate, Passage, Pipeline, Place, Statement, Vectors
from studybot.vectors import packed, unpacked


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
    """A note with its passages, for each the keys of its own and its statements' vectors, and the note's acronyms."""

    note: StoredNote
    passages: Sequence[Passage]
    keys: Sequence[tuple[bytes, Sequence[bytes]]]
    acronyms: Sequence[tuple[str, str]]


class Store:
    """The notes in a database. What is written belongs into ``database.transaction()``."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.full_text = FullText(database)

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
        return {table: self.database.one(f"SELECT count(*) FROM {table}") for table in tables}

    # Writing, within a transaction

    def sign(self, pipeline: Pipeline, notes_folder: Path) -> None:
        """Note what the stored passages were made with and from, and raise the generation."""
        values = {"pipeline": json.dumps(asdict(pipeline)), "notes_folder": str(notes_folder)}
        for name, value in values.items():
            self.database.run("UPDATE meta SET value = ? WHERE name = ?", (value, name))
        self.database.run("UPDATE meta SET value = value + 1 WHERE name = 'generation'")

    def put_note(self, content: NotePassages) -> None:
        """Put a note in the place of the one of the same path. All its vectors must be there."""
        note = content.note
        self.remove_note(note.path)
        note_id = self.database.run(
            "INSERT INTO notes (path, sha256, encoding, size, mtime_ns, read_ns) VALUES (?, ?, ?, ?, ?, ?)",
            (note.path, note.sha256, note.encoding, note.size, note.mtime_ns, note.read_ns),
        )
        self.database.run_many(
            "INSERT INTO acronyms (note, short, long) VALUES (?, ?, ?)", [(note_id, *pair) for pair in content.acronyms]
        )
        for passage, (key, statement_keys) in zip(content.passages, content.keys, strict=True):
            vector, *statement_vectors = [self._vector(one) for one in (key, *statement_keys)]
            passage_id = self.database.run(
                "INSERT INTO passages"
                " (note, name, heading, text, text_sha256, context, start, start_line, end_line, vector, packed)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
                    vector[0],
                    b"".join(row for _, row in (vector, *statement_vectors)),
                ),
            )
            self.database.run_many(
                "INSERT INTO statements (passage, place, kind, start, length, start_line, end_line, parent, vector)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (passage_id, place, s.kind, s.start, len(s.text), s.start_line, s.end_line, s.parent, number)
                    for place, (s, (number, _)) in enumerate(zip(passage.statements, statement_vectors, strict=True))
                ],
            )
            if passage.statements:
                self.full_text.add(passage_id, passage)

    def touch_note(self, note: StoredNote) -> None:
        """Note when a note that says what it said was read again."""
        self.database.run(
            "UPDATE notes SET size = ?, mtime_ns = ?, read_ns = ? WHERE path = ?",
            (note.size, note.mtime_ns, note.read_ns, note.path),
        )

    def remove_note(self, path: str) -> None:
        """Remove a note, its passages and its statements."""
        self.database.run("DELETE FROM notes WHERE path = ?", (path,))

    def add_vectors(self, keys: Sequence[bytes], rows: Vectors) -> None:
        """Keep one row of ``rows``, shape ``(keys, dim)``, under each key."""
        self.database.run_many(
            "INSERT OR IGNORE INTO vectors (key, row) VALUES (?, ?)", list(zip(keys, packed(rows), strict=True))
        )

    def drop_unused_vectors(self) -> None:
        """Remove the vectors that no passage and no statement has."""
        self.database.run(
            "DELETE FROM vectors WHERE id NOT IN (SELECT vector FROM passages UNION ALL SELECT vector FROM statements)"
        )

    # Reading

    def notes(self) -> dict[str, StoredNote]:
        """Return the notes by path, in the order of their paths."""
        columns = "path, sha256, encoding, size, mtime_ns, read_ns"
        rows = self.database.all(f"SELECT {columns} FROM notes ORDER BY path")
        return {row[0]: StoredNote(*row) for row in rows}

    def known_vectors(self, keys: Iterable[bytes]) -> set[bytes]:
        """Return those of ``keys`` that have a vector."""
        find = "SELECT 1 FROM vectors WHERE key = ?"
        return {key for key in keys if self.database.one(find, (key,))}

    def passage_vectors(self) -> tuple[list[int], Vectors]:
        """Return the number and the vector of every passage that says something, in the order of the notes."""
        rows = self.database.all(
            "SELECT p.id, v.row FROM passages p JOIN vectors v ON v.id = p.vector JOIN notes n ON n.id = p.note"
            " WHERE EXISTS (SELECT 1 FROM statements s WHERE s.passage = p.id) ORDER BY n.path, p.start"
        )
        return [row[0] for row in rows], unpacked([row[1] for row in rows])

    def passage_numbers(self, prefixes: Collection[str]) -> set[int]:
        """Return the numbers of the passages of all notes whose path starts with one of ``prefixes``."""
        chosen = " OR ".join("substr(n.path, 1, length(?)) = ?" for _ in prefixes)
        values = [value for prefix in prefixes for value in (prefix, prefix)]
        rows = self.database.all(
            f"SELECT p.id FROM passages p JOIN notes n ON n.id = p.note WHERE {chosen or '0'}", values
        )
        return {row[0] for row in rows}

    def candidates(self, numbers: Collection[int]) -> list[Candidate]:
        """Return the vectors of the passages with these numbers, and of their statements."""
        rows = self.database.all(
            "SELECT p.id, n.path, p.start, p.packed FROM passages p JOIN notes n ON n.id = p.note"
            f" WHERE p.id IN ({','.join(map(str, numbers))})"
        )
        return [Candidate(*row) for row in rows]

    def acronyms(self) -> list[tuple[str, str]]:
        """Return every short form that a note gives with its long form, as often as notes give it."""
        return self.database.all("SELECT short, long FROM acronyms")

    def headings(self) -> set[str]:
        """Return every heading above a passage."""
        paths = self.database.all("SELECT DISTINCT heading FROM passages")
        return {title for (path,) in paths for title in json.loads(path)}

    def passages(self, numbers: Collection[int]) -> dict[int, Passage]:
        """Return the passages with these numbers, by number."""
        listed = ",".join(map(str, numbers))
        statements: dict[int, list[tuple[Any, ...]]] = {number: [] for number in numbers}
        for row in self.database.all(
            "SELECT passage, kind, start, length, start_line, end_line, parent FROM statements"
            f" WHERE passage IN ({listed}) ORDER BY passage, place"
        ):
            statements[row[0]].append(row[1:])
        rows = self.database.all(
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

    def wordings(self, numbers: Collection[int]) -> dict[int, tuple[Place, str]]:
        """Return by number where the passages with these numbers stand, and what they say, their context first.

        A tenth of the time that whole passages take.
        """
        rows = self.database.all(
            "SELECT p.id, n.path, p.heading, p.start_line, p.end_line, p.context, p.text"
            f" FROM passages p JOIN notes n ON n.id = p.note WHERE p.id IN ({','.join(map(str, numbers))})"
        )
        return {
            number: (Place(note, tuple(json.loads(heading)), *lines), f"{context}\n{text}")
            for number, note, heading, *lines, context, text in rows
        }

    def passages_of(self, note: str) -> list[Passage]:
        """Return the passages of the note with this path, in order."""
        rows = self.database.all(
            "SELECT p.id FROM passages p JOIN notes n ON n.id = p.note WHERE n.path = ? ORDER BY p.start", (note,)
        )
        found = self.passages([row[0] for row in rows])
        return [found[row[0]] for row in rows]

    def passages_saying(self, hash_prefix: str) -> list[Passage]:
        """Return the passages whose text has a SHA-256 that starts with ``hash_prefix``, in hexadecimal digits."""
        rows = self.database.all(
            "SELECT id FROM passages WHERE text_sha256 BETWEEN ? AND ?", (hash_prefix, hash_prefix + "g")
        )
        return list(self.passages([row[0] for row in rows]).values())

    def _vector(self, key: bytes) -> tuple[int, bytes]:
        (found,) = self.database.all("SELECT id, row FROM vectors WHERE key = ?", (key,))
        number, row = found
        return number, row

    def _meta(self, name: str) -> str:
        value: str = self.database.one("SELECT value FROM meta WHERE name = ?", (name,))
        return value


def _statement(text: str, passage_start: int, row: tuple[Any, ...]) -> Statement:
    kind, start, length, start_line, end_line, parent = row
    begin = start - passage_start
    return Statement(kind, text[begin : begin + length], start, start_line, end_line, parent)
