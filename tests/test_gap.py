from collections.abc import Callable

import pytest

from studybot.bot import StudyBot
from studybot.types import Refusal

Ask = Callable[[str], Refusal]


@pytest.fixture
def refused(make_bot: Callable[..., StudyBot]) -> Ask:
    """Return what asks a bot that refuses everything."""
    bot = make_bot(min_confidence=1.0)
    bot.sync()

    def ask(question: str) -> Refusal:
        outcome = bot.ask(question).outcome
        assert isinstance(outcome, Refusal)
        return outcome

    return ask


def test_a_refusal_names_what_the_nearest_passages_lack(refused: Ask) -> None:
    found = refused("What is the colour of a Ribosome?")
    assert found.reason == "Your notes mention “Ribosome”, but nothing there about “colour”."
    assert found.missing == ("colour",)


def test_another_form_of_a_word_is_not_missing(refused: Ask) -> None:
    found = refused("Was the execution of the membrane green and loud?")
    assert found.missing == ("green", "loud")
    assert found.reason == "Your notes mention “execution” and “membrane”, but nothing there about “green” or “loud”."


def test_where_no_word_is_near_nothing_is_mentioned(refused: Ask) -> None:
    found = refused("How does photosynthesis work?")
    assert found.reason == "The nearest passages say nothing about “photosynthesis” or “work”."


def test_where_no_word_is_missing_the_reason_says_so(refused: Ask) -> None:
    found = refused("Why was Louis XVI a Nucleus?")
    assert found.missing == ()
    assert found.reason == "The nearest passages have the words of your question, but none seems to answer it."


def test_of_many_missing_words_three_are_named(refused: Ask) -> None:
    found = refused("Do red, blue, green and yellow mitochondria swim?")
    assert found.missing == ("red", "blue", "green")


def test_a_word_taken_for_its_right_spelling_is_not_missing(refused: Ask) -> None:
    found = refused("Which colour has the mitochondira?")
    assert found.missing == ("colour",)
