"""The customer's real notes with the real model: every quote word for word. What figures must hold is `make gate`."""

import pytest

from studybot.answering import MAX_WORDS
from studybot.bot import StudyBot
from studybot.questions import Question, load
from studybot.types import Answer
from tests.conftest import SHARED

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared notes and questions are not here")

NOTE = "architect-associate.md"


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    return load(SHARED / "questions" / "architect-associate.dev.jsonl")


@pytest.fixture(scope="module")
def answers(customer: StudyBot, questions: list[Question]) -> list[Answer]:
    outcomes = [customer.ask(question.question).outcome for question in questions]
    return [outcome for outcome in outcomes if isinstance(outcome, Answer)]


def test_every_quote_is_a_verbatim_slice_of_its_lines(customer: StudyBot, answers: list[Answer]) -> None:
    lines = customer.note(NOTE)[0].text.split("\n")
    quotes = [quote for answer in answers for quote in answer.quotes]
    wrong = [q for q in quotes if q.text not in "\n".join(lines[q.start_line - 1 : q.end_line])]
    assert len(quotes) > len(answers) > 0
    assert wrong == []


def test_no_answer_is_longer_than_eighty_words(answers: list[Answer]) -> None:
    lengths = [sum(len(quote.text.split()) for quote in answer.quotes) for answer in answers]
    assert max(lengths) <= MAX_WORDS


def test_the_table_of_contents_is_not_indexed(customer: StudyBot) -> None:
    hits = customer.ask("Identity and Access Management", top_k=50).hits
    assert min(hit.passage.start_line for hit in hits) > 561


def test_questions_of_the_same_words_get_the_same_reply(customer: StudyBot) -> None:
    first, second = (customer.ask("How long does SQS keep a message?") for _ in range(2))
    assert (first.hits, first.outcome) == (second.hits, second.outcome)
