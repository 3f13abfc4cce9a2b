"""The HTTP contract's reply, as the API sends it and ``studybot ask --json`` prints it."""

from collections.abc import Sequence
from itertools import pairwise

from studybot import citations
from studybot.bot import Reply, StudyBot
from studybot.editor import link
from studybot.shapes import Shape
from studybot.types import Answer, Passage, Quote


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
