import pytest

from studybot.answering import MAX_WORDS, answer, features
from studybot.chunking import passages
from studybot.fitted import Confidence, Selection
from studybot.markdown import parse
from studybot.types import Answer, Hit, Note, Refusal
from tests.word_encoder import WordEncoder

SELECTION = Selection({"statement": 0.5, "passage": 0.5})
SURE = Confidence(intercept=10.0, weights={}, threshold=0.5)


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
    outcome = answer(question, hits_of(text, question), 5, SELECTION, SURE, 0.5)
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


def test_a_list_question_gets_the_whole_list() -> None:
    text = "# Noble gases\n\n- Gases:\n  - helium gas\n  - neon\n  - argon\n"
    assert set(quotes_of(text, "Name helium gas")) >= {"helium gas", "neon", "argon"}


def test_an_answer_is_cut_at_eighty_words() -> None:
    text = "One fact of many words: " + " ".join(f"word{number}" for number in range(55)) + " end"
    long = text.replace("word5 ", "word5. Word ") * 3
    outcome = answer("One fact", hits_of(long, "One fact"), 5, SELECTION, SURE, 0.5)
    assert isinstance(outcome, Answer)
    assert sum(len(quote.text.split()) for quote in outcome.quotes) <= MAX_WORDS


def test_a_statement_longer_than_an_answer_is_quoted_up_to_a_word() -> None:
    text = "```\n" + "\n".join(f"a b c d{number}" for number in range(8)) + "\n```\n"
    encoder = WordEncoder()
    encoder.max_tokens = 1000
    long = "```\n" + "\n".join(f"a b c d{number}" for number in range(40)) + "\n```\n"
    found = passages(Note("note.md", long, "", "utf-8"), parse(long), encoder.count_tokens, 1000)
    outcome = answer("d1", [Hit(found[0], 0.9, (0.9,))], 5, SELECTION, SURE, 0.5)
    assert isinstance(outcome, Answer)
    assert outcome.quotes[0].text == "\n".join(f"a b c d{number}" for number in range(20))
    assert (outcome.quotes[0].start_line, outcome.quotes[0].end_line) == (2, 21)
    assert quotes_of(text, "d1")[0] in text


def test_citations_are_ranks_and_marked_in_the_text() -> None:
    hits = hits_of("# A\n\nRed apples fall.\n\n# B\n\nGreen pears rise.\n", "Green pears rise")
    outcome = answer("Green pears rise", hits, 5, SELECTION, SURE, 0.5)
    assert isinstance(outcome, Answer)
    assert outcome.text == "Green pears rise. [1]"
    assert hits[0].passage.heading == ("B",)


def test_below_the_least_confidence_the_answer_is_withheld() -> None:
    hits = hits_of("Red apples fall.", "apples")
    outcome = answer("apples", hits, 5, SELECTION, Confidence(0.0, {}, 0.5), 0.51)
    assert isinstance(outcome, Refusal)
    assert (outcome.confidence, outcome.reason) == (0.5, "Nothing in your notes seems to answer this.")
    assert outcome.withheld == answer("apples", hits, 5, SELECTION, Confidence(0.0, {}, 0.5), 0.5)


def test_nothing_near_is_a_refusal() -> None:
    assert answer("apples", [], 5, SELECTION, SURE, 0.0) == Refusal(
        0.0, "Your notes hold nothing near to this question."
    )


def test_confidence_is_the_logistic_of_the_features() -> None:
    hits = hits_of("Red apples fall.", "apples")
    outcome = answer("apples", hits, 5, SELECTION, Confidence(-1.0, {"score": 2.0}, 0.0), 0.0)
    assert features(hits)["score"] == pytest.approx(3**-0.5, abs=1e-6)
    # 1 / (1 + exp(-(-1 + 2 / sqrt(3))))
    assert outcome.confidence == pytest.approx(0.538598, abs=1e-6)


def test_quotes_come_from_the_citable_hits_and_the_confidence_from_all() -> None:
    hits = hits_of("# A\n\nRed apples fall.\n\n# B\n\nRed apples rise.\n", "Red apples")
    model = Confidence(0.0, {"lead": 1.0}, 0.0)
    one, both = (answer("Red apples", hits, citable, SELECTION, model, 0.0) for citable in (1, 2))
    assert isinstance(one, Answer)
    assert isinstance(both, Answer)
    assert [quote.citation for quote in one.quotes] == [1]
    assert [quote.citation for quote in both.quotes] == [1, 2]
    assert one.confidence == both.confidence


def test_a_single_hit_leads_nobody() -> None:
    assert features(hits_of("Red apples fall.", "apples"))["lead"] == 0.0
