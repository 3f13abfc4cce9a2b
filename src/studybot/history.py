"""What was asked and answered: conversations of turns, kept in the index's database."""

import json
import time
import uuid
from dataclasses import astuple, dataclass

from studybot.conversation import Cited, Turn
from studybot.database import Database
from studybot.errors import ConversationNotFound


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

    def begin(self) -> str:
        """Begin a conversation and return its id."""
        identity = uuid.uuid4().hex
        with self._database.transaction():
            self._database.run("INSERT INTO conversations (id, began) VALUES (?, ?)", (identity, time.time()))
        return identity

    def add(self, conversation: str, turn: Turn) -> None:
        """Keep a turn at the end of a conversation.

        Raises:
            ConversationNotFound: it was deleted.
        """
        cited = json.dumps([astuple(one) for one in turn.cited], ensure_ascii=False)
        with self._database.transaction():
            self._known(conversation)
            self._database.run(
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

    def turns(self, conversation: str) -> list[Turn]:
        """Return the turns of a conversation, in order.

        Raises:
            ConversationNotFound: there is none of this id.
        """
        with self._database.snapshot():
            self._known(conversation)
            rows = self._database.all(
                "SELECT question, interpreted_as, answer, refused, cited, asked FROM turns"
                " WHERE conversation = ? ORDER BY place",
                (conversation,),
            )
        return [
            Turn(
                question=question,
                interpreted_as=interpreted_as,
                answer=answer,
                refused=bool(refused),
                cited=tuple(Cited(mark, identity, tuple(heading)) for mark, identity, heading in json.loads(cited)),
                asked=asked,
            )
            for question, interpreted_as, answer, refused, cited, asked in rows
        ]

    def conversations(self) -> list[Conversation]:
        """Return all conversations, the newest first."""
        return self._conversations("")

    def conversation(self, identity: str) -> Conversation:
        """Return the conversation of this id.

        Raises:
            ConversationNotFound: there is none.
        """
        found = self._conversations("WHERE c.id = ?", identity)
        if not found:
            raise _not_found(identity)
        return found[0]

    def rename(self, conversation: str, title: str) -> None:
        """Give a conversation another title.

        Raises:
            ConversationNotFound: there is none of this id.
        """
        with self._database.transaction():
            self._known(conversation)
            self._database.run("UPDATE conversations SET title = ? WHERE id = ?", (title, conversation))

    def delete(self, conversation: str) -> None:
        """Delete a conversation with its turns.

        Raises:
            ConversationNotFound: there is none of this id.
        """
        with self._database.transaction():
            self._known(conversation)
            self._database.run("DELETE FROM conversations WHERE id = ?", (conversation,))

    def _conversations(self, which: str, *values: str) -> list[Conversation]:
        rows = self._database.all(
            "SELECT c.id, coalesce(c.title, t.question, ''), c.began,"
            " (SELECT count(*) FROM turns WHERE conversation = c.id)"
            " FROM conversations c LEFT JOIN turns t ON t.conversation = c.id AND t.place = 1"
            f" {which} ORDER BY c.began DESC, c.id",
            values,
        )
        return [Conversation(*row) for row in rows]

    def _known(self, conversation: str) -> None:
        if self._database.one("SELECT 1 FROM conversations WHERE id = ?", (conversation,)) is None:
            raise _not_found(conversation)


def _not_found(conversation: str) -> ConversationNotFound:
    return ConversationNotFound(f"there is no conversation {conversation!r}; leave it out to begin one")
