"""The customer's real notes with the real model: the figures that must hold, and every quote word for word."""

import pytest

from studybot.answering import MAX_WORDS
from studybot.bot import StudyBot
from studybot.evaluation import EvaluationQuestion, Report, evaluate, load_questions
from studybot.types import Answer
from tests.conftest import SHARED

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared notes and questions are not here")

NOTE = "architect-associate.md"


@pytest.fixture(scope="module")
def questions() -> list[EvaluationQuestion]:
    return load_questions(SHARED / "questions" / "architect-associate.dev.jsonl")


@pytest.fixture(scope="module")
def report(customer: StudyBot, questions: list[EvaluationQuestion]) -> Report:
    return evaluate(customer, questions)


@pytest.mark.parametrize(
    ("name", "floor"),
    [("MRR@10", 0.83), ("hit@1", 0.765), ("hit@5", 0.905), ("hit@10", 0.96), ("answer accuracy", 0.60)],
)
def test_figures_on_the_development_questions(report: Report, name: str, floor: float) -> None:
    assert report.figures[name].value >= floor


def test_every_quote_is_a_verbatim_slice_of_its_lines(customer: StudyBot, questions: list[EvaluationQuestion]) -> None:
    lines = customer.note(NOTE)[0].text.split("\n")
    outcomes = [customer.ask(question.question).outcome for question in questions]
    quotes = [quote for outcome in outcomes if isinstance(outcome, Answer) for quote in outcome.quotes]
    wrong = [q for q in quotes if q.text not in "\n".join(lines[q.start_line - 1 : q.end_line])]
    assert len(quotes) > len(questions)
    assert wrong == []


def test_no_answer_is_longer_than_eighty_words(report: Report) -> None:
    assert [outcome.id for outcome in report.outcomes if outcome.words > MAX_WORDS] == []


def test_the_table_of_contents_is_not_indexed(customer: StudyBot) -> None:
    hits = customer.ask("Identity and Access Management", top_k=50).hits
    assert min(hit.passage.start_line for hit in hits) > 561


def test_questions_of_the_same_words_get_the_same_reply(customer: StudyBot) -> None:
    first, second = (customer.ask("How long does SQS keep a message?") for _ in range(2))
    assert (first.hits, first.outcome) == (second.hits, second.outcome)
