"""The words of the passages: SQLite's full-text index, by field, stemmed."""

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from studybot.database import Database
from studybot.seals import seal
from studybot.types import Passage
from studybot.words import words

FIELDS = ("title", "path", "body")
"""What is indexed of a passage: its last heading, the headings above and the note's name, its text."""
K1 = 1.2
"""FTS5's: however often a passage holds a word, its BM25 stays below the word's rarity times ``K1 + 1``."""
_LEAST_RARITY = 1e-6

# The tables that FTS5 keeps the index in.
_INDEX = (
    "SELECT id, block FROM words_data ORDER BY id",
    "SELECT segid, term, pgno FROM words_idx ORDER BY segid, term",
    "SELECT group_concat(id || ' ' || hex(sz)) FROM (SELECT id, sz FROM words_docsize ORDER BY id)",
)


# All that was indexed, in one row, which takes a fifth of the time; between fields stands what Python takes for space.
_TEXT = (
    "SELECT group_concat(title || char(31) || path || char(31) || body, char(30))"
    " FROM (SELECT title, path, body FROM words ORDER BY rowid)"
)


class FullText:
    """The full-text index in a database. What is written belongs into ``database.transaction()``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, number: int, passage: Passage) -> None:
        """Index the words of ``passage``, which the store knows by ``number``; they go when the passage goes."""
        name = passage.note.rsplit(".", 1)[0]
        title = passage.heading[-1] if passage.heading else name.rsplit("/", 1)[-1]
        path = " ".join((*passage.heading[:-1], name))
        self._database.run(
            "INSERT INTO words (rowid, title, path, body) VALUES (?, ?, ?, ?)",
            (number, title, path, f"{passage.context} {passage.text}"),
        )

    def seal(self) -> int:
        """Return the seal of the index, but for the text that was indexed."""
        # FTS5 holds back what it is given until there is a savepoint, or the transaction ends.
        for command in ("SAVEPOINT sealed", "RELEASE sealed"):
            self._database.run(command)
        return _sealed(row for query in _INDEX for row in self._database.all(query))

    def spellings_seal(self) -> int:
        """Return the seal of the text that was indexed."""
        return seal(self._text())

    def spellings(self) -> set[str]:
        """Return every word as it is written, in lower case.

        Raises:
            IndexCorrupt: the text is not what was indexed.
        """
        text = self._text()
        noted = self._database.meta()["spellings"]
        if noted and noted != str(seal(text)):
            raise self._database.corrupt("the spelling of its words is not what was written")
        # Cut into words only at last, each part once: a quarter of the time.
        return set(words(" ".join(set(text.split()))))

    def _text(self) -> str:
        return self._database.one(_TEXT) or ""

    def matches(
        self, terms: Collection[str], weights: Mapping[str, float], depth: int, among: Collection[int] | None = None
    ) -> dict[int, float]:
        """Return up to ``depth`` passages that hold one of ``terms``, with their BM25, best first; larger is better.

        ``weights`` has one factor for each of ``FIELDS``. With ``among`` only passages with those numbers are found;
        their BM25 is the same.
        """
        if not terms:
            return {}
        factors = ", ".join(str(float(weights[field])) for field in FIELDS)
        find = f"SELECT rowid, -bm25(words, {factors}) AS score FROM words WHERE words MATCH ?"
        values: list[object] = [" OR ".join(_quoted(term) for term in terms)]
        if among is not None:
            # Without the plus FTS5 looks all terms up again for each number: 15 s for 30,000 of 145,000, not 22 ms.
            find += " AND +rowid IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(list(among)))
        return dict(self._database.all(f"{find} ORDER BY score DESC, rowid LIMIT ?", (*values, depth)))

    def count(self) -> int:
        """Return how many passages there are."""
        # FTS5 keeps a row for each in this table; to count those of the table itself reads all their text.
        total: int = self._database.one("SELECT count(*) FROM words_docsize")
        return total

    def document_counts(self, terms: Iterable[str], without: Sequence[str] = ()) -> dict[str, int]:
        """Return for each of ``terms`` how many passages hold it in any form of the word.

        Passages whose ids are in ``without`` are not counted.
        """
        find = "SELECT count(*) FROM words WHERE words MATCH ?"
        if without:
            # Looked up for every passage that is counted, even in an empty list: forty times as long.
            find += f" AND rowid NOT IN ({_numbers(without)})"
        return {term: self._database.one(find, (_quoted(term), *without)) for term in terms}

    def held(self, terms: Iterable[str], passages: Sequence[str]) -> set[str]:
        """Return those of ``terms`` that one of the ``passages``, which are named by their ids, holds in any form."""
        find = f"SELECT 1 FROM words WHERE words MATCH ? AND rowid IN ({_numbers(passages)}) LIMIT 1"
        return {term for term in terms if self._database.one(find, (_quoted(term), *passages))}


def rarity(count: int, total: int) -> float:
    """Return how much it says, for :meth:`FullText.matches`, that a passage holds a word which ``count`` of them hold.

    FTS5's bm25() is so defined: a term that is in more than half of the passages weighs almost nothing.
    """
    return max(math.log((total - count + 0.5) / (count + 0.5)), _LEAST_RARITY)


def _sealed(rows: Iterable[Sequence[object]]) -> int:
    return seal(*(value for row in rows for value in row))


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'


def _numbers(passages: Sequence[str]) -> str:
    """Return the query for the numbers of ``passages``, whose ids are its values."""
    return f"SELECT id FROM passages WHERE name IN ({', '.join('?' for _ in passages)})"
