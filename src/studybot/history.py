"""What was asked and answered: conversations of turns, kept in the index's database."""

import time
import uuid

from studybot.database import Database


class History:
    """The conversations in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self) -> str:
        """Begin a conversation and return its id."""
        identity = uuid.uuid4().hex
        with self._database.transaction():
            self._database.run("INSERT INTO conversations VALUES (?, ?)", (identity, time.time()))
        return identity

    def has(self, conversation: str) -> bool:
        """Return whether a conversation has this id."""
        return self._database.one("SELECT 1 FROM conversations WHERE id = ?", (conversation,)) is not None

    def add(self, conversation: str, question: str, answer: str) -> None:
        """Keep a question and the text of its answer, empty for a refusal, at the end of a conversation."""
        with self._database.transaction():
            self._database.run(
                "INSERT INTO turns SELECT ?, coalesce(max(place), 0) + 1, ?, ?, ? FROM turns WHERE conversation = ?",
                (conversation, time.time(), question, answer, conversation),
            )

    def turns(self, conversation: str) -> list[tuple[str, str]]:
        """Return the questions and answers of a conversation, in order."""
        return self._database.all(
            "SELECT question, answer FROM turns WHERE conversation = ? ORDER BY place", (conversation,)
        )
