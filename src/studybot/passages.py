"""Passages as they are stored: each part is written with a seal, and read only as it was written."""

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from studybot.database import Database
from studybot.seals import seal
from studybot.types import Candidate, Passage, Place, Statement

_ROW = "p.id, n.path, p.name, p.heading, p.text, p.context, p.start, p.start_line, p.end_line"
_STATEMENT = "place, kind, start, length, start_line, end_line, parent"


def write(database: Database, note: int, passage: Passage, vectors: Sequence[tuple[int, bytes]]) -> int:
    """Write ``passage``, of the note with this number, and return the passage's own.

    ``vectors`` are its own and its statements', each with its number and packed.
    """
    # SQLite would choose the same; the seals are of it, too.
    number: int = (database.one("SELECT max(id) FROM passages") or 0) + 1
    heading = json.dumps(passage.heading, ensure_ascii=False)
    place = passage.start, passage.start_line, passage.end_line
    statements = [
        (place, s.kind, s.start, len(s.text), s.start_line, s.end_line, s.parent)
        for place, s in enumerate(passage.statements)
    ]
    packed = b"".join(row for _, row in vectors)
    database.run(
        "INSERT INTO passages (id, note, name, heading, text, text_sha256, context, start, start_line, end_line,"
        " vector, seal, statements_seal, packed_seal, packed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            note,
            passage.id,
            heading,
            passage.text,
            hashlib.sha256(passage.text.encode()).hexdigest(),
            passage.context,
            *place,
            vectors[0][0],
            seal(number, passage.note, passage.id, heading, passage.text, passage.context, *place),
            seal(number, *statements),
            seal(number, packed),
            packed,
        ),
    )
    database.run_many(
        f"INSERT INTO statements (passage, {_STATEMENT}, vector) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(number, *row, vector) for row, (vector, _) in zip(statements, vectors[1:], strict=True)],
    )
    return number


def read(database: Database, numbers: Collection[int]) -> dict[int, Passage]:
    """Return the passages with these numbers, by number.

    Raises:
        IndexCorrupt: one of them is not what was written.
    """
    listed = _listed(numbers)
    statements: dict[int, list[tuple[Any, ...]]] = {number: [] for number in numbers}
    for passage, *row in database.all(
        f"SELECT passage, {_STATEMENT} FROM statements WHERE passage IN {listed} ORDER BY passage, place"
    ):
        statements[passage].append(tuple(row))
    seals = dict(database.all(f"SELECT id, statements_seal FROM passages WHERE id IN {listed}"))
    if any(seals.get(number) != seal(number, *rows) for number, rows in statements.items()):
        raise database.corrupt("the statements of a passage are not those that were written")
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
        for number, path, name, heading, text, context, start, start_line, end_line in _rows(database, numbers)
    }


def wordings(database: Database, numbers: Collection[int]) -> dict[int, tuple[Place, str]]:
    """Return by number where the passages with these numbers stand, and what they say, their context first.

    A tenth of the time that whole passages take.

    Raises:
        IndexCorrupt: one of them is not what was written.
    """
    return {
        number: (Place(note, tuple(json.loads(heading)), *lines), f"{context}\n{text}")
        for number, note, _, heading, text, context, _, *lines in _rows(database, numbers)
    }


def candidates(database: Database, numbers: Collection[int]) -> list[Candidate]:
    """Return the vectors of the passages with these numbers, and of their statements.

    Raises:
        IndexCorrupt: one of them is not what was written.
    """
    rows = database.all(
        "SELECT p.id, n.path, p.start, p.packed, p.packed_seal FROM passages p JOIN notes n ON n.id = p.note"
        f" WHERE p.id IN {_listed(numbers)}"
    )
    if len(rows) != len(set(numbers)) or any(seal(number, held) != sealed for number, _, _, held, sealed in rows):
        raise database.corrupt("the vectors of a passage are not those that were written")
    return [Candidate(*row) for *row, _ in rows]


def _rows(database: Database, numbers: Collection[int]) -> Iterator[Sequence[Any]]:
    """Yield what is stored of the passages with these numbers, without their statements and vectors."""
    rows = database.all(
        f"SELECT {_ROW}, p.seal FROM passages p JOIN notes n ON n.id = p.note WHERE p.id IN {_listed(numbers)}"
    )
    if len(rows) != len(set(numbers)) or any(seal(*row) != sealed for *row, sealed in rows):
        raise database.corrupt("a passage is not what was written")
    for *row, _ in rows:
        yield row


def _listed(numbers: Collection[int]) -> str:
    return f"({','.join(map(str, numbers))})"


def _statement(text: str, passage_start: int, row: tuple[Any, ...]) -> Statement:
    _, kind, start, length, start_line, end_line, parent = row
    begin = start - passage_start
    return Statement(kind, text[begin : begin + length], start, start_line, end_line, parent)
