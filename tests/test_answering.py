from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from studybot import fitted
from studybot.answering import MAX_WORDS, answer, features
from studybot.chunking import passages
from studybot.fitted import Confidence, Fitted, Selection
from studybot.markdown import parse
from studybot.types import Answer, Hit, Note, Quote, Refusal
from tests.word_encoder import WordEncoder

SELECTION = Selection({"statement": 6.0, "passage": 6.0, "rank": 0.0})


def learned(intercept: float, weights: Mapping[str, float]) -> Fitted:
    """Return what ships, with another confidence."""
    return replace(fitted.load(), selection=SELECTION, confidence=Confidence(intercept, weights, threshold=0.5))


SURE = learned(10.0, {})


def ask(hits: Sequence[Hit], citable: int, learned: Fitted, least_confidence: float) -> Answer | Refusal:
    """Ask something that has no name and wants no number."""
    return answer("what", (), hits, citable, learned, least_confidence)


def hits_of(text: str, question: str) -> list[Hit]:
    """Return one hit for each passage of ``text``, best first, scored by the double."""
    encoder = WordEncoder()
    query = encoder.encode([question])[0]
    found = passages(Note("note.md", text, "", "utf-8"), parse(text), encoder.count_tokens, encoder.max_tokens)
    hits = []
    for passage in found:
        cosines = [float(encoder.encode([s.text])[0] @ query) for s in passage.statements]
        hits.append(Hit(passage, max(cosines), tuple(cosines)))
    return sorted(hits, key=lambda hit: -hit.score)


def quotes_of(text: str, question: str) -> list[str]:
    outcome = ask(hits_of(text, question), 5, SURE, 0.5)
    assert isinstance(outcome, Answer)
    return [quote.text for quote in outcome.quotes]


def test_a_fact_is_quoted_without_its_bullet() -> None:
    assert (
        quotes_of("# Queues\n\n- Default: 30 seconds\n- Colour: none\n", "What is the default?")[0]
        == "Default: 30 seconds"
    )


def test_a_row_is_quoted_with_its_header() -> None:
    text = "| Organelle | Diameter |\n|---|---|\n| Ribosome | 25 nm |\n| Nucleus | 6 µm |\n"
    assert quotes_of(text, "Ribosome 25 nm")[:2] == ["| Organelle | Diameter |", "| Ribosome | 25 nm |"]


def test_what_a_lead_in_leads_is_quoted_with_it() -> None:
    text = "The three pillars of health are:\n\n- sleep\n- food\n- movement\n"
    assert quotes_of(text, "three pillars of health") == [
        "The three pillars of health are:",
        "sleep",
        "food",
        "movement",
    ]


def test_where_two_items_of_a_list_answer_the_rest_of_it_is_quoted_too() -> None:
    text = "# Noble gases\n\n- Gases\n  - helium gas\n  - neon gas\n  - argon\n  - the last one\n"
    assert quotes_of(text, "Which gas is noble?")[1:] == ["helium gas", "neon gas", "argon", "the last one"]


def test_the_likeliest_statement_comes_first_then_the_order_of_the_note() -> None:
    text = "Pears are red. Apples are red fruit. Cherries are red."
    assert quotes_of(text, "Which apples are red fruit") == [
        "Apples are red fruit.",
        "Pears are red.",
        "Cherries are red.",
    ]


def test_only_the_passage_of_the_likeliest_statement_leaves_the_order_of_the_note() -> None:
    question = "Which apples are red fruit"
    (best,) = hits_of("Pears are red. Apples are red fruit.", question)
    # Its second sentence begins where the likeliest statement does in the other note.
    (other,) = hits_of("Plums are red. Cherries are red.", question)
    outcome = ask([best, replace(other, score=best.score)], 5, SURE, 0.5)
    assert isinstance(outcome, Answer)
    assert [quote.text for quote in outcome.quotes] == [
        "Apples are red fruit.",
        "Pears are red.",
        "Plums are red.",
        "Cherries are red.",
    ]


def test_where_one_item_of_a_list_answers_the_others_are_left() -> None:
    text = "# Noble gases\n\n- Those of the air\n  - helium gas\n  - neon\n  - argon\n"
    assert quotes_of(text, "helium gas") == ["Those of the air", "helium gas"]


def test_what_is_less_than_a_tenth_as_likely_is_not_quoted() -> None:
    passage = hits_of("Apples are red. Pears are green.", "Apples")[0].passage
    # exp(-6 * 0.384) is 0.0998, exp(-6 * 0.383) is 0.1005.
    for cosine, quoted in ((0.116, 1), (0.117, 2)):
        outcome = ask([Hit(passage, 0.5, (0.5, cosine))], 5, SURE, 0.5)
        assert isinstance(outcome, Answer)
        assert len(outcome.quotes) == quoted


def test_an_answer_is_cut_at_eighty_words() -> None:
    text = "One fact of many words: " + " ".join(f"word{number}" for number in range(55)) + " end"
    long = text.replace("word5 ", "word5. Word ") * 3
    outcome = ask(hits_of(long, "One fact"), 5, SURE, 0.5)
    assert isinstance(outcome, Answer)
    assert sum(len(quote.text.split()) for quote in outcome.quotes) <= MAX_WORDS


def test_a_statement_longer_than_an_answer_is_quoted_up_to_a_word() -> None:
    text = "```\n" + "\n".join(f"a b c d{number}" for number in range(8)) + "\n```\n"
    encoder = WordEncoder()
    encoder.max_tokens = 1000
    long = "```\n" + "\n".join(f"a b c d{number}" for number in range(40)) + "\n```\n"
    found = passages(Note("note.md", long, "", "utf-8"), parse(long), encoder.count_tokens, 1000)
    outcome = ask([Hit(found[0], 0.9, (0.9,))], 5, SURE, 0.5)
    assert isinstance(outcome, Answer)
    assert outcome.quotes[0].text == "\n".join(f"a b c d{number}" for number in range(20))
    assert (outcome.quotes[0].start_line, outcome.quotes[0].end_line) == (2, 21)
    assert quotes_of(text, "d1")[0] in text


def test_citations_are_ranks_and_marked_in_the_text() -> None:
    hits = hits_of("# A\n\nRed apples fall.\n\n# B\n\nGreen pears rise.\n", "Green pears rise")
    outcome = ask(hits, 5, SURE, 0.5)
    assert isinstance(outcome, Answer)
    assert outcome.text == "Green pears rise. [1]"
    assert hits[0].passage.heading == ("B",)


def test_below_the_least_confidence_the_answer_is_withheld() -> None:
    hits = hits_of("Red apples fall.", "apples")
    outcome = ask(hits, 5, learned(0.0, {}), 0.51)
    assert isinstance(outcome, Refusal)
    assert (outcome.confidence, outcome.reason) == (0.5, "Nothing in your notes seems to answer this.")
    assert outcome.withheld == ask(hits, 5, learned(0.0, {}), 0.5)


def test_nothing_near_is_a_refusal() -> None:
    assert ask([], 5, SURE, 0.0) == Refusal(0.0, "Your notes hold nothing near to this question.")


def test_confidence_is_the_logistic_of_the_features() -> None:
    hits = hits_of("Red apples fall.", "apples")
    outcome = ask(hits, 5, learned(-1.0, {"score": 2.0}), 0.0)
    assert features("what", (), hits, ())["score"] == pytest.approx(3**-0.5, abs=1e-6)
    # 1 / (1 + exp(-(-1 + 2 / sqrt(3))))
    assert outcome.confidence == pytest.approx(0.538598, abs=1e-6)


def test_quotes_come_from_the_citable_hits_and_the_confidence_from_all() -> None:
    hits = hits_of("# A\n\nRed apples fall.\n\n# B\n\nRed apples rise.\n", "Red apples")
    model = learned(0.0, {"lead": 1.0})
    one, both = (ask(hits, citable, model, 0.0) for citable in (1, 2))
    assert isinstance(one, Answer)
    assert isinstance(both, Answer)
    assert [quote.citation for quote in one.quotes] == [1]
    assert [quote.citation for quote in both.quotes] == [1, 2]
    assert one.confidence == both.confidence


def test_a_single_hit_leads_nobody() -> None:
    assert features("what", (), hits_of("Red apples fall.", "apples"), ())["lead"] == 0.0


def test_whether_the_best_statement_stands_in_the_best_passage_is_told() -> None:
    first, second = hits_of("# A\n\nRed apples fall.\n\n# B\n\nGreen pears rise.\n", "Green pears")
    assert features("what", (), [first, second], ())["agreement"] == 1.0
    assert (
        features("what", (), [replace(first, score=0.9), replace(second, statement_scores=(1.0,))], ())["agreement"]
        == 0.0
    )


def test_a_name_that_the_notes_do_not_have_is_told() -> None:
    hits = hits_of("Red apples fall.", "apples")
    for question, unknown in (
        ("How much is Snowmobile?", 1.0),
        ("How much is snowmobile?", 0.0),
        ("Snowmobile: how much?", 0.0),
        ("What is the T3?", 1.0),
        ("What is Apples?", 0.0),
    ):
        assert features(question, {"snowmobile", "t3"}, hits, ())["unknown_name"] == unknown


def test_a_number_that_is_asked_for_and_not_quoted_is_told() -> None:
    hits = hits_of("Red apples fall. Two pears rise. It has 3 seeds.", "apples")
    words, word, digit = (Quote(s.text, 1, s.start, 1, 1) for s in hits[0].passage.statements)
    assert features("How many apples?", (), hits, [words])["number_lacking"] == 1.0
    assert features("How many apples?", (), hits, [words, word])["number_lacking"] == 0.0
    assert features("How many apples?", (), hits, [digit])["number_lacking"] == 0.0
    assert features("Which apples?", (), hits, [words])["number_lacking"] == 0.0
