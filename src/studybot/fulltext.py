"""The words of the passages: SQLite's full-text index, by field, stemmed."""

from collections.abc import Mapping, Sequence

from studybot.database import Database
from studybot.types import Passage

FIELDS = ("title", "path", "body")
"""What is indexed of a passage: its last heading, the headings above and the note's name, its text."""


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

    def vocabulary(self) -> tuple[str, ...]:
        """Return every word, stemmed as the index keeps them, in alphabetical order."""
        return tuple(word for (word,) in self._database.all("SELECT term FROM vocabulary ORDER BY term"))

    def matches(self, terms: Sequence[str], weights: Mapping[str, float], depth: int) -> dict[int, float]:
        """Return up to ``depth`` passages that hold one of ``terms``, with their BM25, best first; larger is better.

        ``weights`` has one factor for each of ``FIELDS``.
        """
        if not terms:
            return {}
        factors = ", ".join(str(float(weights[field])) for field in FIELDS)
        rows = self._database.all(
            f"SELECT rowid, -bm25(words, {factors}) AS score FROM words WHERE words MATCH ?"
            " ORDER BY score DESC, rowid LIMIT ?",
            (" OR ".join(_quoted(term) for term in terms), depth),
        )
        return dict(rows)

    def document_counts(self, terms: Sequence[str]) -> tuple[int, list[int]]:
        """Return how many passages there are, and how many of them hold each of ``terms`` in any form of the word."""
        total: int = self._database.one("SELECT count(*) FROM words")
        find = "SELECT count(*) FROM words WHERE words MATCH ?"
        return total, [self._database.one(find, (_quoted(term),)) for term in terms]


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'
