"""Questions over HTTP: answered or refused; and what became of the citations of an answer."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from studybot.bot import MAX_QUESTION, MAX_TOP_K, StudyBot
from studybot.notes import MAX_NAME_BYTES
from studybot.reply import ReplyJson, reply_json
from studybot.whereabouts import CitationJson, citation_json


def _whole(number: object) -> object:
    return int(number) if isinstance(number, float) and number.is_integer() else number


class Question(BaseModel):
    """What is asked. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")

    question: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION)]
    # To JSON 5.0 is a whole number, too.
    top_k: Annotated[int, Field(ge=1, le=MAX_TOP_K, strict=True), BeforeValidator(_whole)] = 5
    # A bound on its length is also what makes pydantic refuse half of a surrogate pair, which JSON can hold.
    conversation: Annotated[str, Field(max_length=100)] | None = None
    notes: Annotated[list[Annotated[str, Field(max_length=MAX_NAME_BYTES)]], Field(max_length=100)] | None = None
    as_typed: Annotated[bool, Field(strict=True)] = False
    min_confidence: Annotated[float, Field(ge=0, le=1, strict=True)] | None = None


def router(bot: StudyBot) -> APIRouter:
    """Return what answers /api/ask and /api/citations from the index of ``bot``."""
    made = APIRouter(prefix="/api")

    @made.post("/ask")
    def ask(asked: Question) -> ReplyJson:
        """Answer a question from the notes, or refuse.

        In a conversation a follow-up is completed, as ``interpreted_as`` tells, unless it is meant ``as_typed``. An
        answer whose confidence is below ``min_confidence`` is withheld; null is what was set or fitted.
        """
        reply = bot.ask(
            asked.question,
            asked.top_k,
            asked.conversation,
            asked.notes,
            as_typed=asked.as_typed,
            min_confidence=asked.min_confidence,
            remember=True,
        )
        return reply_json(reply, bot)

    @made.get("/citations/{identity}")
    def cite(identity: str) -> CitationJson:
        """Tell what became of a cited passage: current, moved or changed, with the lines then and now."""
        return citation_json(identity, bot)

    return made
