"""Questions whose evidence is known, asked one by one, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studybot.bot import Reply, StudyBot
from studybot.errors import QuestionSetInvalid
from studybot.metrics import (
    Figure,
    auroc,
    calibration_error,
    contains_all,
    found_within,
    mean,
    reciprocal_rank,
)
from studybot.types import Answer, Passage

DEPTH = 10


class Evidence(BaseModel):
    """Lines that answer a question; without lines, the whole note."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    note: str
    start_line: Annotated[int, Field(ge=1)] | None = None
    end_line: Annotated[int, Field(ge=1)] | None = None
    quote: str | None = None


class EvaluationQuestion(BaseModel):
    """One line of a question file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    question: str
    kind: str
    answerable: bool
    answers: list[str]
    evidence: list[Evidence]
    needs_all_evidence: bool = False
    reference_answer: list[str] = []
    yes_no: str | None = None
    options: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question. ``rank`` is that of the first passage that is relevant, None beyond ``DEPTH``."""

    id: str
    kind: str
    answerable: bool
    rank: int | None
    answered: bool
    correct: bool
    words: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a run. ``by_kind`` has the MRR@10 of each kind of question."""

    figures: dict[str, Figure]
    by_kind: dict[str, Figure]
    refusals: dict[str, float]
    outcomes: tuple[Outcome, ...]


def load_questions(file: Path) -> list[EvaluationQuestion]:
    """Return the questions of a JSON Lines file.

    Raises:
        QuestionSetInvalid: it cannot be read, a line is malformed or an id stands twice, or none is answerable.
    """
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionSetInvalid(f"{file} cannot be read: {error}") from error
    questions: dict[str, EvaluationQuestion] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            question = EvaluationQuestion.model_validate_json(line)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"])) or "the line"
            raise QuestionSetInvalid(f"{file}, line {number}: {where}: {problem['msg']}") from error
        if question.id in questions:
            raise QuestionSetInvalid(f"{file}, line {number}: the id {question.id!r} stands twice")
        questions[question.id] = question
    if not any(question.answerable for question in questions.values()):
        raise QuestionSetInvalid(f"{file} has no answerable question")
    return list(questions.values())


def evaluate(bot: StudyBot, questions: Sequence[EvaluationQuestion]) -> Report:
    """Ask all ``questions`` and return the figures, each over the questions that it is about.

    Raises:
        QuestionSetInvalid: a question's evidence is not in its note.
    """
    _check_evidence(bot, questions)
    outcomes = tuple(_outcome(question, bot.ask(question.question, DEPTH)) for question in questions)
    answerable = [outcome for outcome in outcomes if outcome.answerable]
    unanswerable = [outcome for outcome in outcomes if not outcome.answerable]
    graded = [o for o, q in zip(outcomes, questions, strict=True) if q.answerable and q.answers]
    figures = {
        "MRR@10": mean([reciprocal_rank(outcome.rank) for outcome in answerable]),
        **{f"hit@{k}": mean([found_within(outcome.rank, k) for outcome in answerable]) for k in (1, 3, 5, 10)},
    }
    if graded:
        figures["answer accuracy"] = mean([float(outcome.correct) for outcome in graded])
        figures["answer words"] = mean([float(outcome.words) for outcome in graded])
    kinds = dict.fromkeys(outcome.kind for outcome in answerable)
    by_kind = {
        kind: mean([reciprocal_rank(outcome.rank) for outcome in answerable if outcome.kind == kind]) for kind in kinds
    }
    refusals: dict[str, float] = {}
    if unanswerable:
        refusals = {
            "AUROC": auroc([o.confidence for o in answerable], [o.confidence for o in unanswerable]),
            "unanswerable refused": sum(not o.answered for o in unanswerable) / len(unanswerable),
            "answerable refused": sum(not o.answered for o in answerable) / len(answerable),
            "calibration error": calibration_error([o.confidence for o in outcomes], [o.correct for o in outcomes]),
        }
    return Report(figures, by_kind, refusals, outcomes)


def table(report: Report) -> str:
    """Return the report as lines to read."""
    rows = [*report.figures.items(), *((f"MRR@10 {kind}", figure) for kind, figure in report.by_kind.items())]
    lines = [f"{name:<22} {f.value:7.3f}   [{f.low:.3f}, {f.high:.3f}]   n={f.n}" for name, f in rows]
    lines += [f"{name:<22} {value:7.3f}" for name, value in report.refusals.items()]
    return "\n".join(lines)


def rank_of(question: EvaluationQuestion, passages: Sequence[Passage]) -> int | None:
    """Return the rank of the first passage that covers at least half of the lines of an evidence range.

    Where all evidence is needed: the rank of the passage with which every range is covered so.
    """
    left = list(question.evidence)
    for rank, passage in enumerate(passages, 1):
        remaining = [evidence for evidence in left if not covers(passage, evidence)]
        if len(remaining) < len(left) and (not question.needs_all_evidence or not remaining):
            return rank
        left = remaining
    return None


def covers(passage: Passage, evidence: Evidence) -> bool:
    """Return whether ``passage`` covers at least half of the lines of ``evidence``."""
    if passage.note != evidence.note:
        return False
    if evidence.start_line is None or evidence.end_line is None:
        return True
    common = min(passage.end_line, evidence.end_line) - max(passage.start_line, evidence.start_line) + 1
    return 2 * common >= evidence.end_line - evidence.start_line + 1


def _outcome(question: EvaluationQuestion, reply: Reply) -> Outcome:
    answer = reply.outcome if isinstance(reply.outcome, Answer) else None
    text = answer.text if answer else ""
    return Outcome(
        id=question.id,
        kind=question.kind,
        answerable=question.answerable,
        rank=rank_of(question, [hit.passage for hit in reply.hits]) if question.answerable else None,
        answered=answer is not None,
        correct=question.answerable and answer is not None and contains_all(text, question.answers),
        words=sum(len(quote.text.split()) for quote in answer.quotes) if answer else 0,
        confidence=reply.outcome.confidence,
    )


def _check_evidence(bot: StudyBot, questions: Sequence[EvaluationQuestion]) -> None:
    texts: dict[str, list[str]] = {}
    for question in questions:
        for evidence in question.evidence:
            if evidence.note not in texts:
                texts[evidence.note] = bot.note(evidence.note)[0].text.split("\n")
            if evidence.quote is None or evidence.start_line is None:
                continue
            found = "\n".join(texts[evidence.note][evidence.start_line - 1 : evidence.end_line])
            if found != evidence.quote:
                raise QuestionSetInvalid(
                    f"question {question.id}: {evidence.note}, line {evidence.start_line} does not say what it quotes"
                )
