"""Conversations over HTTP: listed, shown, exported as Markdown, renamed, deleted."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from studybot import citations
from studybot.bot import StudyBot
from studybot.conversation import Cited, Turn
from studybot.history import Conversation
from studybot.shapes import Shape

REFUSED = "Not in your notes."
MOST = 200
"""How many conversations are listed at once."""
# SQLite's largest number.
_FURTHEST = 2**63 - 1


class ConversationJson(Shape):
    """A conversation in the list. The title is its first question, unless it was renamed; ``began`` is in UTC."""

    id: str
    title: str
    began: datetime
    turns: int


class CitedJson(Shape):
    """A passage that an answer quotes: ``mark`` stands behind its quotes; the lines are those of then."""

    mark: int
    id: str
    note: str
    heading: list[str]
    start_line: int
    end_line: int


class TurnJson(Shape):
    """A question and the text of its answer, null for a refusal."""

    question: str
    interpreted_as: str | None
    asked: datetime
    answered: bool
    answer: str | None
    citations: list[CitedJson]


class ConversationTurnsJson(Shape):
    """A conversation, whole."""

    id: str
    title: str
    began: datetime
    turns: list[TurnJson]


class Title(BaseModel):
    """Another title. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    title: Annotated[str, Field(min_length=1, max_length=200)]


class MarkdownResponse(Response):
    """A text with Markdown markup."""

    media_type = "text/markdown"


def router(bot: StudyBot) -> APIRouter:
    """Return what answers below /api/conversations with the conversations that the index of ``bot`` keeps."""
    made = APIRouter(prefix="/api/conversations")

    @made.get("")
    def conversations(
        limit: Annotated[int, Query(ge=1, le=MOST)] = MOST, offset: Annotated[int, Query(ge=0, le=_FURTHEST)] = 0
    ) -> list[ConversationJson]:
        """List up to ``limit`` conversations, the newest first, without the ``offset`` newest."""
        return [_listed(one) for one in bot.history().conversations(limit, offset)]

    @made.get("/{identity}")
    def conversation(identity: str) -> ConversationTurnsJson:
        """Return a conversation with its turns, in order."""
        history = bot.history()
        one = _listed(history.conversation(identity))
        turns = [_turn(turn) for turn in history.turns(identity)]
        return ConversationTurnsJson(id=one.id, title=one.title, began=one.began, turns=turns)

    @made.get("/{identity}/export", response_class=MarkdownResponse)
    def export(identity: str) -> MarkdownResponse:
        """Return a conversation as Markdown: its questions, the answers as quotes, and where they stand."""
        history = bot.history()
        return MarkdownResponse(markdown(history.conversation(identity), history.turns(identity)))

    @made.patch("/{identity}")
    def rename(identity: str, wanted: Title) -> ConversationJson:
        """Give a conversation another title."""
        history = bot.history()
        history.rename(identity, wanted.title)
        return _listed(history.conversation(identity))

    @made.delete("/{identity}", status_code=204)
    def delete(identity: str) -> None:
        """Delete a conversation with its turns."""
        bot.history().delete(identity)

    return made


def markdown(conversation: Conversation, turns: Sequence[Turn]) -> str:
    """Return a conversation as a Markdown note: a section for each turn, its answer as a quote with its sources."""
    began = _time(conversation.began).date().isoformat()
    sections = [f"# {_line(conversation.title)}", f"Asked on {began}.", *(_section(turn) for turn in turns)]
    return "\n\n".join(sections) + "\n"


def _section(turn: Turn) -> str:
    parts = [f"## {_line(turn.question)}"]
    if turn.interpreted_as is not None:
        parts.append(f"Understood as: {_line(turn.interpreted_as)}")
    parts.append(REFUSED if turn.refused else "\n".join(f"> {line}".rstrip() for line in turn.answer.split("\n")))
    if turn.cited:
        parts.append("\n".join(_sources(turn)))
    return "\n\n".join(parts)


def _sources(turn: Turn) -> Iterator[str]:
    for one in turn.cited:
        citation = citations.read(one.citation)
        lines = f"{citation.start_line}–{citation.end_line}"
        yield f"- [{one.mark}] {' › '.join((citation.note, *one.heading))}, lines {lines}"


def _listed(conversation: Conversation) -> ConversationJson:
    return ConversationJson(
        id=conversation.id,
        title=conversation.title,
        began=_time(conversation.began),
        turns=conversation.turns,
    )


def _turn(turn: Turn) -> TurnJson:
    return TurnJson(
        question=turn.question,
        interpreted_as=turn.interpreted_as,
        asked=_time(turn.asked),
        answered=not turn.refused,
        answer=None if turn.refused else turn.answer,
        citations=[_cited(one) for one in turn.cited],
    )


def _cited(one: Cited) -> CitedJson:
    citation = citations.read(one.citation)
    return CitedJson(
        mark=one.mark,
        id=one.citation,
        note=citation.note,
        heading=list(one.heading),
        start_line=citation.start_line,
        end_line=citation.end_line,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _line(text: str) -> str:
    return " ".join(text.split())
