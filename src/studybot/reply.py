"""The HTTP contract's reply, as the API sends it and ``studybot ask --json`` prints it."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote as percent_encoded

from pydantic import BaseModel, ConfigDict

from studybot import citations
from studybot.bot import Reply, StudyBot
from studybot.types import Answer, Passage, Quote


class Shape(BaseModel):
    """What is sent: field for field as documented."""

    model_config = ConfigDict(extra="forbid")


class QuoteJson(Shape):
    """A verbatim slice of the notes; ``citation`` is its mark in the answer's text and its passage's rank."""

    text: str
    citation: int
    start_line: int
    end_line: int


class AnswerJson(Shape):
    """The quotes, one a line, each with its citation mark."""

    text: str
    quotes: list[QuoteJson]


class RunJson(Shape):
    """A part of a passage's text: quoted in the answer, or not. The runs add up to the text."""

    text: str
    evidence: bool


class PlaceJson(Shape):
    """Where a passage stands that says the same as another one."""

    note: str
    heading: list[str]
    start_line: int
    end_line: int


class PassageJson(Shape):
    """A passage with its place. ``citation`` is the id that /api/citations resolves; ``link`` opens an editor.

    ``also_at`` is where other passages say the same; they have no rank of their own.
    """

    rank: int
    id: str
    note: str
    heading: list[str]
    start_line: int
    end_line: int
    text: str
    score: float
    runs: list[RunJson]
    citation: str
    link: str
    also_at: list[PlaceJson]


class ReplyJson(Shape):
    """The reply to a question; ``answer`` is null for a refusal, whose ``reason`` says why.

    ``missing`` are words of the question that none of the nearest passages has.
    """

    question: str
    interpreted_as: str | None
    conversation: str | None
    answered: bool
    confidence: float
    answer: AnswerJson | None
    reason: str | None
    missing: list[str]
    passages: list[PassageJson]
    timings_ms: dict[str, float]


class LinesJson(Shape):
    """Lines of a note; null where there are none any more."""

    note: str
    start_line: int | None
    end_line: int | None


class CitationJson(Shape):
    """What became of a citation: ``current``, ``moved`` or ``changed``, where it stood, and what is there now."""

    id: str
    state: citations.State
    then: LinesJson
    now: LinesJson
    text: str | None


class ErrorDetailJson(Shape):
    """A stable code, and a message that says what mends it."""

    code: str
    message: str


class ErrorJson(Shape):
    """The one shape of every error."""

    error: ErrorDetailJson


def reply_json(reply: Reply, bot: StudyBot) -> ReplyJson:
    """Return ``reply`` as the contract has it."""
    answer = reply.outcome if isinstance(reply.outcome, Answer) else None
    quotes = answer.quotes if answer else ()
    folder = bot.notes_folder
    return ReplyJson(
        question=reply.question,
        interpreted_as=reply.interpreted_as,
        conversation=reply.conversation,
        answered=answer is not None,
        confidence=round(reply.outcome.confidence, 4),
        answer=_answer_json(answer) if answer else None,
        reason=None if isinstance(reply.outcome, Answer) else reply.outcome.reason,
        missing=[] if isinstance(reply.outcome, Answer) else list(reply.outcome.missing),
        passages=[
            PassageJson(
                rank=rank,
                id=hit.passage.id,
                note=hit.passage.note,
                heading=list(hit.passage.heading),
                start_line=hit.passage.start_line,
                end_line=hit.passage.end_line,
                text=hit.passage.text,
                score=round(hit.score, 4),
                runs=_runs(hit.passage, [quote for quote in quotes if quote.citation == rank]),
                citation=citations.write(citations.cite(hit.passage)),
                link=link(bot.settings.link, folder, hit.passage.note, hit.passage.start_line),
                also_at=[
                    PlaceJson(
                        note=other.note,
                        heading=list(other.heading),
                        start_line=other.start_line,
                        end_line=other.end_line,
                    )
                    for other in hit.also_at
                ],
            )
            for rank, hit in enumerate(reply.hits, 1)
        ],
        timings_ms=reply.timings_ms,
    )


def citation_json(identity: str, bot: StudyBot) -> CitationJson:
    """Return what became of the citation called ``identity``.

    Raises:
        CitationInvalid: it is no citation.
    """
    citation, found = bot.cite(identity)
    return CitationJson(
        id=identity,
        state=found.state,
        then=LinesJson(note=citation.note, start_line=citation.start_line, end_line=citation.end_line),
        now=LinesJson(note=found.note, start_line=found.start_line, end_line=found.end_line),
        text=found.text,
    )


def _answer_json(answer: Answer) -> AnswerJson:
    quotes = [
        QuoteJson(text=quote.text, citation=quote.citation, start_line=quote.start_line, end_line=quote.end_line)
        for quote in answer.quotes
    ]
    return AnswerJson(text=answer.text, quotes=quotes)


def _runs(passage: Passage, quotes: Sequence[Quote]) -> list[RunJson]:
    """Return the passage's text cut at the borders of the ``quotes`` taken from it."""
    begins = [quote.start - passage.start for quote in quotes]
    quoted = [(begin, begin + len(quote.text)) for begin, quote in zip(begins, quotes, strict=True)]
    borders = sorted({0, len(passage.text), *(border for span in quoted for border in span)})
    return [
        RunJson(text=passage.text[start:end], evidence=any(first <= start and end <= last for first, last in quoted))
        for start, end in pairwise(borders)
    ]


def link(template: str, folder: Path, note: str, line: int) -> str:
    """Return the link that opens ``note``, of those in ``folder``, at ``line``, as ``template`` has it."""
    path = (folder / note).as_posix()
    # What begins with a drive follows a host as /C:/…; as a value, ?path=C:/…, it stands as it is.
    slash = "" if path.startswith("/") or "={path}" in template else "/"
    return template.format(path=percent_encoded(slash + path), line=line)
