"""Questions whose evidence is known, asked one by one, and what came of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from studybot import bootstrap, exchange, metrics, questions
from studybot.bot import Reply, StudyBot
from studybot.errors import NotesError
from studybot.metrics import Ranking
from studybot.notes import read_note
from studybot.questions import ALL, HALVES, Evidence, Question
from studybot.types import Answer, Passage, Statement

DEPTH = 10
# A whole note is found by its first passage; ten notes may have many passages before the tenth of them.
_DOCUMENT_DEPTH = 50

Figures = dict[str, bootstrap.Figure]
"""Figures by the name of what was measured."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question.

    ``measures`` has what was measured of it alone, by name, and only what there is to measure: no rank without
    evidence, no accuracy without known answers. ``correct`` judges the answer also where it was withheld, as the
    confidence speaks of that one.
    """

    id: str
    kind: str
    answerable: bool
    answered: bool
    correct: bool
    confidence: float
    measures: Mapping[str, float]
    half: str | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A question file asked once: questions with today's lines, replies and outcomes in the same order.

    ``unreachable`` are the questions whose evidence no passage covers, whatever is asked; ``missing`` the notes that
    are not there, where other evidence of the same question is.
    """

    name: str
    questions: tuple[Question, ...]
    replies: tuple[Reply, ...]
    outcomes: tuple[Outcome, ...]
    unreachable: tuple[str, ...]
    missing: tuple[str, ...]


def evaluate(
    bot: StudyBot,
    asked: Sequence[Question],
    name: str,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Run:
    """Ask all questions and return what came of them. ``on_progress`` is told after each how many are done.

    Raises:
        QuestionSetInvalid: a question's evidence is not in its note.
    """
    located = locate(bot, asked)
    whole_notes = any(evidence.is_whole_note for question in located for evidence in question.evidence)
    depth = _DOCUMENT_DEPTH if whole_notes else DEPTH
    replies = exchange.ask(bot, located, depth, on_progress)
    within_reach = reachable(bot, located)
    ranks = rank_measures(located, _passages(replies), within_reach)
    in_full = questions.written_out(question for question in located if question.in_full is not None)
    ranks_in_full = rank_measures(in_full, _passages(exchange.ask(bot, in_full, depth)), within_reach)
    for question, reply in zip(located, replies, strict=True):
        ranks.setdefault(question.id, {}).update(exchange.measures(question, reply, ranks, ranks_in_full))
    return Run(
        name=name,
        questions=tuple(located),
        replies=tuple(replies),
        outcomes=tuple(_outcome(q, r, ranks.get(q.id, {})) for q, r in zip(located, replies, strict=True)),
        unreachable=tuple(q.id for q in located if q.answerable and rank_of(q, within_reach[q.id]) is None),
        missing=tuple(sorted(_note_names(asked) - _note_names(located))),
    )


def locate(bot: StudyBot, asked: Sequence[Question]) -> list[Question]:
    """Return the questions with the lines that their evidence has in today's notes.

    Raises:
        QuestionSetInvalid: a question's evidence is not in its note.
    """

    @cache
    def lines_of(note: str) -> Sequence[str] | None:
        try:
            return read_note(bot.notes_folder, note).text.split("\n")
        except NotesError:
            return None

    return questions.locate(asked, lines_of)


def reachable(bot: StudyBot, located: Sequence[Question]) -> dict[str, list[Passage]]:
    """Return all passages of the notes that the evidence of each answerable question is in, by the question's id."""
    passages_of = cache(bot.passages)
    return {q.id: [p for note in _notes(q) for p in passages_of(note)] for q in located if q.answerable}


def rank_measures(
    located: Sequence[Question],
    found: Sequence[Sequence[Passage]],
    within_reach: Mapping[str, Sequence[Passage]],
) -> dict[str, dict[str, float]]:
    """Return what is measured of the passages ``found`` for each answerable question, best first, by its id.

    Where the evidence is whole notes, the notes are ranked too, each by its first passage. What is ``within_reach`` is
    what :func:`reachable` returns.
    """
    pairs = [(q, passages) for q, passages in zip(located, found, strict=True) if q.answerable]
    ranks = metrics.rank_measures({q.id: _ranking(q, passages, within_reach[q.id]) for q, passages in pairs})
    documents = {q.id: _document_ranking(q, passages) for q, passages in pairs if _is_about_whole_notes(q)}
    for identity, measures in metrics.rank_measures(documents).items():
        ranks[identity] |= {f"document {measure}": value for measure, value in measures.items()}
    return ranks


def groups(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """Return all outcomes under ``ALL``, those of the halves, then of each kind in the order of the file."""
    found = {ALL: list(outcomes)}
    for half, name in HALVES.items():
        if among := [outcome for outcome in outcomes if outcome.half == half]:
            found[name] = among
    for outcome in outcomes:
        found.setdefault(outcome.kind, []).append(outcome)
    return found


def figures(outcomes: Sequence[Outcome]) -> dict[str, Figures]:
    """Return the figures of each of the :func:`groups` of outcomes."""
    return {
        name: {
            **_means(group),
            **(_judgements_of_confidence(group) if name in (ALL, *HALVES.values()) else {}),
            **(exchange.figures([outcome.measures for outcome in group]) if name == ALL else {}),
        }
        for name, group in groups(outcomes).items()
    }


def judged(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcomes whose answer can be told right from wrong: answers are known, or that there is none."""
    return [outcome for outcome in outcomes if not outcome.answerable or "answer accuracy" in outcome.measures]


def rank_of(question: Question, passages: Sequence[Passage]) -> int | None:
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


def is_relevant(passage: Passage, question: Question) -> bool:
    """Return whether ``passage`` covers some evidence of ``question``."""
    return any(covers(passage, evidence) for evidence in question.evidence)


def is_in_evidence(note: str, start_line: int, end_line: int, question: Question) -> bool:
    """Return whether some evidence of ``question`` has one of these lines of ``note``; a whole note has all."""
    return any(
        evidence.note == note
        and (evidence.start_line or start_line) <= end_line
        and start_line <= (evidence.end_line or end_line)
        for evidence in question.evidence
    )


def is_answer(passage: Passage, statement: Statement, question: Question) -> bool:
    """Return whether a statement of ``passage`` stands in evidence, and holds one of the answers if there are any."""
    return is_in_evidence(passage.note, statement.start_line, statement.end_line, question) and (
        not question.answers or any(metrics.contains_all(statement.text, [answer]) for answer in question.answers)
    )


def is_right(answer: Answer, question: Question) -> bool:
    """Return whether the quotes hold every string of the known answers, none of them across two quotes."""
    # Not the answer's text: "[1]" would be right where a 1 is wanted.
    quotes = "\0".join(quote.text for quote in answer.quotes)
    return bool(question.answers) and metrics.contains_all(quotes, question.answers)


def answer_of(reply: Reply) -> Answer | None:
    """Return the answer of a reply, the one that was withheld where it refused."""
    return reply.outcome if isinstance(reply.outcome, Answer) else reply.outcome.withheld


def _outcome(question: Question, reply: Reply, ranks: Mapping[str, float]) -> Outcome:
    answered = isinstance(reply.outcome, Answer)
    answer = answer_of(reply)
    correct = answer is not None and is_right(answer, question)
    measures = dict(ranks)
    shown = "\n".join(quote.text for quote in answer.quotes) if answer is not None and answered else ""
    if question.answerable and question.answers:
        measures["answer accuracy"] = float(answered and correct)
        if measures["hit@5"]:
            measures["answer accuracy where found"] = float(answered and correct)
    if question.golds:
        measures["answer F1"] = metrics.token_f1(shown, question.golds)
        measures["exact match"] = metrics.exact_match(shown, question.golds)
    if answered:
        measures["answer words"] = float(len(shown.split()))
    measures[f"{'' if question.answerable else 'un'}answerable refused"] = float(not answered)
    return Outcome(
        id=question.id,
        kind=question.kind,
        answerable=question.answerable,
        answered=answered,
        correct=correct,
        confidence=reply.outcome.confidence,
        measures=measures,
        half=question.half,
    )


def _means(outcomes: Sequence[Outcome]) -> Figures:
    names = dict.fromkeys(name for outcome in outcomes for name in outcome.measures)
    return {
        name: bootstrap.mean([outcome.measures[name] for outcome in outcomes if name in outcome.measures])
        for name in names
    }


def _judgements_of_confidence(outcomes: Sequence[Outcome]) -> Figures:
    """Return what the confidence is worth."""
    known = judged(outcomes)
    if not known:
        return {}
    confidences = [outcome.confidence for outcome in known]
    correct = [float(outcome.correct) for outcome in known]
    measured = {
        "AUROC": bootstrap.over(
            metrics.auroc, [o.confidence for o in outcomes], [float(o.answerable) for o in outcomes]
        ),
        "calibration error": bootstrap.over(metrics.calibration_error, confidences, correct),
        "area under risk": bootstrap.over(metrics.area_under_risk, confidences, correct),
    }
    return {name: figure for name, figure in measured.items() if figure is not None}


def _ranking(question: Question, found: Sequence[Passage], within_reach: Iterable[Passage]) -> Ranking:
    relevant = {passage.id for passage in within_reach if is_relevant(passage, question)}
    rank = rank_of(question, found)
    return Ranking([passage.id for passage in found], relevant, {found[rank - 1].id} if rank is not None else set())


def _document_ranking(question: Question, found: Sequence[Passage]) -> Ranking:
    return Ranking(list(dict.fromkeys(passage.note for passage in found)), _notes(question), _notes(question))


def _is_about_whole_notes(question: Question) -> bool:
    return not question.needs_all_evidence and all(evidence.is_whole_note for evidence in question.evidence)


def _passages(replies: Iterable[Reply]) -> list[list[Passage]]:
    return [[hit.passage for hit in reply.hits] for reply in replies]


def _note_names(asked: Iterable[Question]) -> set[str]:
    return {evidence.note for question in asked for evidence in question.evidence}


def _notes(question: Question) -> list[str]:
    return list(dict.fromkeys(evidence.note for evidence in question.evidence))
