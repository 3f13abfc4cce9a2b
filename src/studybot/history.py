"""What was asked and answered: conversations of turns, kept in the index's database."""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass

from studybot.conversation import Cited, Turn
from studybot.database import PATIENCE_S, Database
from studybot.errors import ConversationNotFound, IndexBusy, IndexUnwritable
from studybot.layout import KEPT
from studybot.seals import seal

_TURN_PATIENCE_S = 2
"""How long a reply waits for a sync that writes, until its turn is kept."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation in the list. It ``began`` so many seconds after 1970; its title is its first question at first."""

    id: str
    title: str
    began: float
    turns: int


class History:
    """The conversations in a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, conversation: str | None, turn: Turn) -> str:
        """Keep a turn at the end of a conversation, or of a new one, and return the conversation's id.

        Raises:
            ConversationNotFound: it was deleted.
            IndexBusy: a sync has been writing for 2 s.
            IndexUnwritable: read-only or full.
        """
        cited = json.dumps([astuple(one) for one in turn.cited], ensure_ascii=False)
        with self._written(_TURN_PATIENCE_S) as database:
            if conversation is None:
                conversation = uuid.uuid4().hex
                database.run("INSERT INTO conversations (id, began) VALUES (?, ?)", (conversation, time.time()))
                database.seal_rows("conversations", "id = ?", (conversation,))
            _check(database, conversation)
            database.run(
                "INSERT INTO turns (conversation, place, asked, question, interpreted_as, answer, refused, cited)"
                " SELECT ?, coalesce(max(place), 0) + 1, ?, ?, ?, ?, ?, ? FROM turns WHERE conversation = ?",
                (
                    conversation,
                    turn.asked,
                    turn.question,
                    turn.interpreted_as,
                    turn.answer,
                    turn.refused,
                    cited,
                    conversation,
                ),
            )
            database.seal_rows("turns", "conversation = ? AND seal IS NULL", (conversation,))
        return conversation

    def keep(self, conversation: str | None, turn: Turn) -> str | None:
        """Add a turn if that is possible now, and return the id of its conversation.

        What can only be read, or what a sync is writing, still answers; a conversation is not begun then.

        Raises:
            ConversationNotFound: it was deleted.
        """
        try:
            return self.add(conversation, turn)
        except (IndexBusy, IndexUnwritable):
            return conversation

    def turns(self, conversation: str, most: int | None = None) -> list[Turn]:
        """Return the turns of a conversation, in order; at ``most`` so many of the last ones.

        Raises:
            ConversationNotFound: there is none of this id.
            IndexCorrupt: a turn is not what was kept.
        """
        with self._database.snapshot():
            _check(self._database, conversation)
            rows = self._database.all(
                f"SELECT {KEPT['turns']}, seal FROM turns WHERE conversation = ? ORDER BY place DESC LIMIT ?",
                # To SQLite a negative number is no limit.
                (conversation, -1 if most is None else most),
            )
        if any(seal(*row) != sealed for *row, sealed in rows):
            raise self._database.corrupt("a turn of a conversation is not what was kept")
        return [
            Turn(
                question=question,
                interpreted_as=interpreted_as,
                answer=answer,
                refused=bool(refused),
                cited=tuple(Cited(mark, identity, tuple(heading)) for mark, identity, heading in json.loads(cited)),
                asked=asked,
            )
            for _, _, asked, question, answer, interpreted_as, refused, cited, _ in reversed(rows)
        ]

    def conversations(self, most: int | None = None, skipped: int = 0) -> list[Conversation]:
        """Return the conversations, the newest first, at ``most`` so many; that many of the newest are ``skipped``."""
        return self._conversations("ORDER BY began DESC, id LIMIT ? OFFSET ?", -1 if most is None else most, skipped)

    def conversation(self, identity: str) -> Conversation:
        """Return the conversation of this id.

        Raises:
            ConversationNotFound: there is none.
        """
        found = self._conversations("WHERE id = ?", identity)
        if not found:
            raise _not_found(identity)
        return found[0]

    def questions(self, most: int) -> list[str]:
        """Return the last questions that are understood by themselves, the latest first, once each; up to ``most``."""
        rows = self._database.all(
            "SELECT question FROM turns WHERE interpreted_as IS NULL ORDER BY asked DESC LIMIT ?", (most,)
        )
        return list(dict.fromkeys(question for (question,) in rows))

    def rename(self, conversation: str, title: str) -> None:
        """Give a conversation another title.

        Raises:
            ConversationNotFound: there is none of this id.
        """
        with self._written() as database:
            _check(database, conversation)
            database.run("UPDATE conversations SET title = ? WHERE id = ?", (title, conversation))
            database.seal_rows("conversations", "id = ?", (conversation,))

    def delete(self, conversation: str) -> None:
        """Delete a conversation with its turns.

        Raises:
            ConversationNotFound: there is none of this id.
        """
        with self._written() as database:
            _check(database, conversation)
            database.run("DELETE FROM conversations WHERE id = ?", (conversation,))

    def _conversations(self, which: str, *values: str | int) -> list[Conversation]:
        rows = self._database.all(
            "SELECT c.id, coalesce(c.title, t.question, ''), c.began,"
            " (SELECT count(*) FROM turns WHERE conversation = c.id), seal(c.id, c.began, c.title) = c.seal"
            f" FROM (SELECT id, title, began, seal FROM conversations {which}) c"
            " LEFT JOIN turns t ON t.conversation = c.id AND t.place = 1 ORDER BY c.began DESC, c.id",
            values,
        )
        if not all(is_sound for *_, is_sound in rows):
            raise self._database.corrupt("what is kept of a conversation is not what was written")
        return [Conversation(*row) for *row, _ in rows]

    @contextmanager
    def _written(self, patience_s: float = PATIENCE_S) -> Iterator[Database]:
        """Give a connection to write with, all at once. One of its own: no question waits for it as it waits."""
        database = Database(self._database.folder, patience_s=patience_s)
        try:
            with database.transaction():
                yield database
        finally:
            database.close()


def _check(database: Database, conversation: str) -> None:
    if database.one("SELECT 1 FROM conversations WHERE id = ?", (conversation,)) is None:
        raise _not_found(conversation)


def _not_found(conversation: str) -> ConversationNotFound:
    return ConversationNotFound(f"there is no conversation {conversation!r}; leave it out to begin one")
