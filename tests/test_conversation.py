from collections.abc import Callable, Mapping

import pytest

from studybot.bot import StudyBot
from studybot.conversation import Cited, Turn, completed
from studybot.types import Answer, Refusal
from tests.word_encoder import WordEncoder

KEEP = "How long does the Falcon queue keep a message?"


def turn(question: str, *heading: str, answer: str = "Four days. [1]", understood: str | None = None) -> Turn:
    cited = (Cited(1, "YS5tZA.1-1.0000000000000000.00000000", heading),) if heading else ()
    return Turn(question, understood, answer if heading else "", not heading, cited)


def asked(*questions: str, headings: Mapping[str, tuple[str, ...]], answer: str = "Four days. [1]") -> list[str | None]:
    """Return how each question is understood after those before it; one without headings is refused."""
    turns: list[Turn] = []
    for question in questions:
        understood = completed(question, turns)
        turns.append(turn(question, *headings.get(question, ()), answer=answer, understood=understood))
    return [one.interpreted_as for one in turns]


def test_a_pronoun_takes_what_question_and_headings_share() -> None:
    before = [turn(KEEP, "Messaging", "Falcon queues", "Retention")]
    assert completed("What is its price?", before) == "What is its price? (Falcon queue)"
    assert completed("compare it with Eagle", before) == "compare it with Eagle (Falcon queue)"


def test_without_a_heading_in_common_names_in_the_answer_are_the_topic_then_its_other_words() -> None:
    before = [turn("Who trained the Falcon?", "Birds", answer="The falcon was trained by Ada. [1]")]
    assert completed("When did it fly?", before) == "When did it fly? (Falcon)"
    before = [turn("who trained falcons?", "Birds", answer="The falcon was trained by Ada. [1]")]
    assert completed("When did it fly?", before) == "When did it fly? (trained falcons)"


def test_where_question_and_answer_share_no_word_the_last_heading_is_the_topic() -> None:
    before = [turn("Can I make my disk smaller?", "1. Storage", "2. **Volumes**", answer="They cannot shrink. [1]")]
    assert completed("Who can move them?", before) == "Who can move them? (Volumes)"


def test_after_a_refusal_the_topic_is_all_that_the_question_says() -> None:
    assert completed("How much does it cost?", [turn("What is a Falcon?")]) == "How much does it cost? (Falcon)"
    answered_then_refused = [
        turn(KEEP, "Messaging", "Falcon queues"),
        turn("Is it blue?", understood="Is it blue? (Falcon queue)"),
    ]
    assert completed("How large is it?", answered_then_refused) == "How large is it? (Falcon queue)"


def test_a_topic_is_carried_over_several_turns() -> None:
    headings = {
        KEEP: ("Messaging", "Falcon queues"),
        "Is it encrypted?": ("Messaging", "Falcon queues", "Encryption"),
        "and its limits?": ("Messaging", "Limits of the Falcon"),
    }
    assert asked(KEEP, "Is it encrypted?", "and its limits?", "who pays for them?", headings=headings) == [
        None,
        "Is it encrypted? (Falcon queue)",
        "and its limits? (Falcon queue)",
        "who pays for them? (Falcon queue)",
    ]


def test_a_question_that_stands_alone_changes_the_topic() -> None:
    headings = {KEEP: ("Falcon queues",), "What do owls eat?": ("Owls",)}
    found = asked(KEEP, "What do owls eat?", "where do they live?", headings=headings)
    assert found == [None, None, "where do they live? (owls)"]


def test_a_fragment_asks_the_last_question_about_something_else() -> None:
    before = [turn(KEEP, "Messaging", "Falcon queues")]
    assert completed("why?", before) == f"{KEEP} why?"
    assert completed("and for a year?", before) == f"{KEEP} and for a year?"
    before = [turn("Which port does Falcon need?", "Messaging", "Falcon")]
    assert completed("what about Eagle?", before) == "Which port does Eagle need? (what about Eagle?)"
    assert completed("and the second?", before) == "Which port does Falcon need? and the second?"
    assert completed("and the price of Eagle?", before) == "Which port does Falcon need? and the price of Eagle?"
    assert completed("and eagles?", before) == "Which port does Falcon need? and eagles?"


def test_what_follows_a_preposition_replaces_what_followed_it_before() -> None:
    before = [turn("Which port is open for the Falcon queue?", "Ports")]
    assert completed("And for Eagle?", before) == "Which port is open for Eagle? (And for Eagle?)"


def test_an_article_stands_once() -> None:
    before = [turn("Where is the inner wall?", "Walls", "Inner wall")]
    assert completed("and the outer wall?", before) == "Where is the outer wall? (and the outer wall?)"
    before = [turn("Where is Ada?", "Ada")]
    assert completed("and the Grand Duke?", before) == "Where is the Grand Duke? (and the Grand Duke?)"


def test_fragments_go_back_to_the_last_whole_question_and_why_to_the_last_one() -> None:
    port = "Which port does Falcon need?"
    headings = {port: ("Falcon",), "and Eagle?": ("Eagle",), "and Hawk?": ("Hawk",)}
    found = asked(port, "and Eagle?", "and Hawk?", "why?", "how large is it?", headings=headings)
    assert found[1:] == [
        "Which port does Eagle need? (and Eagle?)",
        "Which port does Hawk need? (and Hawk?)",
        "Which port does Hawk need? (and Hawk?) why?",
        "how large is it? (Hawk)",
    ]


def test_a_question_asked_as_typed_is_no_fragment_of_another_one() -> None:
    before = [turn(KEEP, "Falcon queues"), turn("and Eagle?", "Eagle")]
    assert completed("why?", before) == "and Eagle? why?"


def test_of_a_long_question_only_the_topic_is_asked_again() -> None:
    long = f"{KEEP} {'And I wonder what else there may be to it. ' * 10}"
    assert completed("why?", [turn(long, "Falcon queues")]) == "why? (Falcon queue)"


def test_without_a_turn_or_a_word_to_take_from_it_a_question_is_left_as_typed() -> None:
    assert completed("what about its price?", []) is None
    assert completed("what about its price?", [turn("why?")]) is None


@pytest.mark.parametrize("question", ["why?", "and (?", "and it?", "what about [a](b)?", "and \\1 for *?"])
@pytest.mark.parametrize("before", ["for ( for", "What is C++?", "*?", "Is [x] for (y)?", "ß for ﬁ"])
def test_signs_are_no_patterns(question: str, before: str) -> None:
    completed(question, [turn(before, "", answer=")")])


def test_a_follow_up_is_looked_up_as_it_is_understood(bot: StudyBot) -> None:
    first = bot.ask("Who was executed in 1793?", remember=True)
    second = bot.ask("and in 1814?", conversation=first.conversation, remember=True)
    alone = bot.ask("Who was executed in 1814? (and in 1814?)")
    assert (second.question, second.interpreted_as) == ("and in 1814?", alone.question)
    assert (second.outcome, second.hits) == (alone.outcome, alone.hits)


def test_a_question_that_stands_alone_is_answered_as_outside_of_the_conversation(bot: StudyBot) -> None:
    first = bot.ask("Who was executed in 1793?", remember=True)
    for question in ("How large is a ribosome?", "What are mitochondria and how many membranes do they have?"):
        alone, second = bot.ask(question), bot.ask(question, conversation=first.conversation, remember=True)
        assert (second.interpreted_as, second.outcome, second.hits) == (None, alone.outcome, alone.hits)


def test_as_typed_undoes_it(bot: StudyBot) -> None:
    first = bot.ask("Who was executed in 1793?", remember=True)
    typed = bot.ask("and in 1814?", conversation=first.conversation, as_typed=True, remember=True)
    assert (typed.interpreted_as, typed.hits) == (None, bot.ask("and in 1814?").hits)
    assert [one.interpreted_as for one in bot.history().turns(str(first.conversation))] == [None, None]


def test_a_follow_up_costs_one_text_for_the_encoder(bot: StudyBot, encoder: WordEncoder) -> None:
    first = bot.ask("Who was executed in 1793?", remember=True)
    before = len(encoder.encoded)
    bot.ask("and in 1814?", conversation=first.conversation)
    assert encoder.encoded[before:] == ["Who was executed in 1814? (and in 1814?)"]


def test_after_a_refusal_a_follow_up_is_completed_from_the_question(make_bot: Callable[..., StudyBot]) -> None:
    bot = make_bot(min_confidence=1.0)
    bot.sync()
    first = bot.ask("What is a ribosome?", remember=True)
    assert isinstance(first.outcome, Refusal)
    second = bot.ask("how large is it?", conversation=first.conversation)
    assert second.interpreted_as == "how large is it? (ribosome)"


def test_a_follow_up_is_completed_though_the_note_is_gone(bot: StudyBot) -> None:
    first = bot.ask("How large is a ribosome?", remember=True)
    assert isinstance(first.outcome, Answer)
    (bot.notes_folder / "biology" / "cells.md").unlink()
    bot.sync()
    second = bot.ask("where are they made?", conversation=first.conversation, remember=True)
    assert second.interpreted_as == "where are they made? (ribosome)"
    assert [hit.passage.note for hit in second.hits] == ["kings.md"]
    assert len(bot.history().turns(str(first.conversation))) == 2


def test_a_follow_up_with_no_history_is_asked_as_typed(bot: StudyBot) -> None:
    reply = bot.ask("what about its price?", remember=True)
    assert (reply.question, reply.interpreted_as) == ("what about its price?", None)
