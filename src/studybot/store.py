"""What an index holds of the notes: their passages and statements, with their vectors and their words."""

import json
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from studybot import passages
from studybot.database import Database
from studybot.errors import IndexCorrupt
from studybot.fulltext import FullText
from studybot.seals import seal
from studybot.types import Candidate, Passage, Pipeline, Place, Vectors
from studybot.vectors import packed, unpacked

# What is read of every index as soon as it is opened, or decides which rows are. What is large is sealed row by row.
_CONTENTS = (
    "SELECT path, sha256, encoding, size, mtime_ns, read_ns, id FROM notes ORDER BY id",
    # One row of all is read in two fifths of the time that many are.
    "SELECT group_concat(id || ' ' || note || ' ' || name || heading)"
    " FROM (SELECT id, note, name, heading FROM passages ORDER BY id)",
    "SELECT note, short, long FROM acronyms ORDER BY rowid",
)


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
    def state(self) -> tuple[str, int]:
        """A name that no other state of this or another store has, and the generation.

        Two reads that give the same read the same.
        """
        noted = self.database.meta()
        return noted["identity"], int(noted["generation"])

    @property
    def generation(self) -> int:
        """Raised by every sync that changed something."""
        return self.state[1]

    @property
    def pipeline(self) -> Pipeline | None:
        """What the stored vectors were made with, or None before the first sync."""
        value = self.database.meta()["pipeline"]
        return Pipeline(**json.loads(value)) if value else None

    @property
    def notes_folder(self) -> Path | None:
        """The folder of the last sync."""
        value = self.database.meta()["notes_folder"]
        return Path(value) if value else None

    def counts(self) -> dict[str, int]:
        """Return how many notes, passages, statements and vectors there are."""
        tables = ("notes", "passages", "statements", "vectors")
        return {table: self.database.one(f"SELECT count(*) FROM {table}") for table in tables}

    def check(self) -> None:
        """Read what decides which passages are found, but for their vectors; some 4 ms for 660 passages.

        Raises:
            IndexCorrupt: it is not what was written.
        """
        noted = self.database.meta()["contents"]
        if noted and noted != str(self._contents()):
            raise self.database.corrupt("its notes, its passages or its words are not those that were written")

    # Writing, within a transaction

    def sign(self, pipeline: Pipeline, notes_folder: Path) -> None:
        """Note what the stored passages were made with and from, and raise the generation."""
        self.database.note(
            pipeline=json.dumps(asdict(pipeline)),
            notes_folder=str(notes_folder),
            generation=str(self.generation + 1),
            # Numbers alone would be the same in a copy that went its own way.
            identity=uuid.uuid4().hex,
        )

    def seal(self) -> None:
        """Note what :meth:`check` is to find. The last thing of a transaction that writes notes."""
        self.database.note(contents=str(self._contents()), spellings=str(self.full_text.spellings_seal()))

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
            vectors = [self._vector(one) for one in (key, *statement_keys)]
            number = passages.write(self.database, note_id, passage, vectors)
            if passage.statements:
                self.full_text.add(number, passage)

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
            "INSERT OR IGNORE INTO vectors (key, row, seal) VALUES (?1, ?2, seal(?1, ?2))",
            list(zip(keys, packed(rows), strict=True)),
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
        """Return the number and the vector of every passage that says something, in the order of the notes.

        Raises:
            IndexCorrupt: they are not what was written.
        """
        numbers = self.numbers()
        return numbers, self.compared_vectors(numbers)

    def numbers(self) -> list[int]:
        """Return the number of every passage that says something, in the order of the notes.

        Raises:
            IndexCorrupt: they are not those whose words were indexed.
        """
        rows = self.database.all(
            "SELECT p.id FROM passages p JOIN notes n ON n.id = p.note"
            " WHERE EXISTS (SELECT 1 FROM statements s WHERE s.passage = p.id) ORDER BY n.path, p.start"
        )
        if len(rows) != self.full_text.count():
            raise self._other_vectors()
        return [row[0] for row in rows]

    def vectors(self, numbers: Sequence[int], which: str = "") -> Vectors:
        """Return the vectors of the passages with these numbers, in their order, shape ``(numbers, dim)``.

        Raises:
            IndexCorrupt: they are not what was written, or not those for ``which`` this condition holds.
        """
        rows = self.database.all(
            "SELECT p.id, v.row, v.key, v.seal FROM passages p JOIN vectors v ON v.id = p.vector"
            f" WHERE p.id IN ({','.join(map(str, numbers))}) {which}"
        )
        sound = {number: row for number, row, key, sealed in rows if seal(key, row) == sealed}
        if len(sound) != len(numbers):
            raise self._other_vectors()
        return unpacked([sound[number] for number in numbers])

    def compared_vectors(self, numbers: Sequence[int]) -> Vectors:
        """Return :meth:`vectors`, each compared with the one that the passage has itself, in up to three times as long.

        Raises:
            IndexCorrupt: they are not what was written.
        """
        return self.vectors(numbers, "AND v.row = substr(p.packed, 1, length(v.row))")

    def passage_numbers(self, prefixes: Collection[str]) -> set[int]:
        """Return the numbers of the passages of all notes whose path starts with one of ``prefixes``."""
        chosen = " OR ".join("substr(n.path, 1, length(?)) = ?" for _ in prefixes)
        values = [value for prefix in prefixes for value in (prefix, prefix)]
        rows = self.database.all(
            f"SELECT p.id FROM passages p JOIN notes n ON n.id = p.note WHERE {chosen or '0'}", values
        )
        return {row[0] for row in rows}

    def candidates(self, numbers: Collection[int]) -> list[Candidate]:
        """Return the vectors of the passages with these numbers; see :func:`studybot.passages.candidates`."""
        return passages.candidates(self.database, numbers)

    def acronyms(self) -> list[tuple[str, str]]:
        """Return every short form that a note gives with its long form, as often as notes give it."""
        return self.database.all("SELECT short, long FROM acronyms")

    def passage_counts(self) -> dict[str, int]:
        """Return how many passages each note has, by its path."""
        counts = "SELECT n.path, count(*) FROM passages p JOIN notes n ON n.id = p.note GROUP BY n.id"
        return dict(self.database.all(counts))

    def headings(self) -> set[str]:
        """Return every heading above a passage."""
        paths = self.database.all("SELECT DISTINCT heading FROM passages")
        return {title for (path,) in paths for title in json.loads(path)}

    def passages(self, numbers: Collection[int]) -> dict[int, Passage]:
        """Return the passages with these numbers, by number; see :func:`studybot.passages.read`."""
        return passages.read(self.database, numbers)

    def wordings(self, numbers: Collection[int]) -> dict[int, tuple[Place, str]]:
        """Return where the passages with these numbers stand, and what they say, by number; quicker than passages."""
        return passages.wordings(self.database, numbers)

    def passages_of(self, note: str) -> list[Passage]:
        """Return the passages of the note with this path, in order."""
        with self.database.snapshot():
            rows = self.database.all(
                "SELECT p.id FROM passages p JOIN notes n ON n.id = p.note WHERE n.path = ? ORDER BY p.start", (note,)
            )
            found = self.passages([row[0] for row in rows])
        return [found[row[0]] for row in rows]

    def passages_saying(self, hash_prefix: str) -> list[Passage]:
        """Return the passages whose text has a SHA-256 that starts with ``hash_prefix``, in hexadecimal digits."""
        with self.database.snapshot():
            rows = self.database.all(
                "SELECT id FROM passages WHERE text_sha256 BETWEEN ? AND ?", (hash_prefix, hash_prefix + "g")
            )
            return list(self.passages([row[0] for row in rows]).values())

    def _vector(self, key: bytes) -> tuple[int, bytes]:
        found = self.database.all("SELECT id, row, seal FROM vectors WHERE key = ?", (key,))
        if not found or seal(key, found[0][1]) != found[0][2]:
            raise self.database.corrupt("a vector is not the one that was written")
        number, row, _ = found[0]
        return number, row

    def _other_vectors(self) -> IndexCorrupt:
        return self.database.corrupt("the vectors of its passages are not those that were written")

    def _contents(self) -> int:
        values = (value for query in _CONTENTS for row in self.database.all(query) for value in row)
        return seal(self.full_text.seal(), *values)
