import pytest

from studybot.followup import MOST_WORDS, OpenEnd, open_end
from studybot.questions import load
from tests.conftest import CHECKOUT


@pytest.mark.parametrize(
    "question",
    [
        "How long does it keep them?",
        "what about its price?",
        "Compare it with gases.",
        "list them",
        "Who invented it?",
        "What happens to it afterwards?",
        "What happens if it is cut in two?",
        "When did the council abolish it?",
        "How many layers do its walls have?",
        "What are the limits of its queues?",
        "How much room is there for its roots?",
        "What is the evidence for it?",
        "At what age is it harder, and why?",
        "Where do they live?",
        "Why is that?",
        "Explain that.",
        "What does that mean?",
        "How has this changed the law?",
        "what are those used for?",
        "Which one is cheaper?",
        "What ones reduce it?",
        "Who lives there?",
        "What came before them?",
    ],
)
def test_a_pronoun_without_its_noun_points_at_what_was_asked_before(question: str) -> None:
    found = open_end(question)
    assert found is not None
    assert found.points


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("why?", ""),
        ("Why not?", ""),
        ("how long?", ""),
        ("And then?", ""),
        ("what else?", ""),
        ("tell me more", ""),
        ("What happened?", ""),
        ("How many are there?", ""),
        ("and for the second queue?", "for the second queue"),
        ("What about whales?", "whales"),
        ("how about for jazz?", "for jazz"),
        ("or without oxygen?", "without oxygen"),
        ("and 1814?", "1814"),
        ("And for copies I can make again?", "for copies I can make again"),
        ("on Mondays?", "on Mondays"),
        ("Which is younger?", "Which is younger"),
    ],
)
def test_a_fragment_leaves_out_all_but_what_it_says(question: str, words: str) -> None:
    assert open_end(question) == OpenEnd(points=False, words=words)


@pytest.mark.parametrize(
    "question",
    [
        "When was the tower stormed?",
        "whales",
        "What is a queue and how does it scale?",
        "What is the old system, and why is it important?",
        "Who are the electors and what were they trying to do?",
        "Why does a cell stop when it has plenty of sugar?",
        "If a volume is deleted, is there any way to get it back?",
        "Does the queue keep its messages in order?",
        "Which class can store its objects in one place?",
        "May doctors sell the drugs they prescribe?",
        "Do I keep the data after it was copied?",
        "How long does it take to restore an object?",
        "What does it mean to be a king?",
        "Is it possible to shrink a volume?",
        "Why is it worth choosing a good name?",
        "How long does it take until a new line is up?",
        "How is it decided how much money a queue gets?",
        "Is there a plant that eats meat?",
        "How does the price of tea compare with that of coffee?",
        "Which one of the kings was the first?",
        "Are two queues as fast as those with a lock?",
        "Does the file grow on its own?",
        "And when was the king arrested?",
        "What is there to do in the old town?",
        "Which class is the cheapest, and which one is the fastest?",
        "Who else reigned in 1814?",
        "What if a volume is deleted?",
    ],
)
def test_a_question_that_names_what_it_asks_about_stands_alone(question: str) -> None:
    assert open_end(question) is None


def test_a_question_of_many_words_stands_alone_wherever_its_pronouns_stand() -> None:
    words = " ".join(["salt", "tea", "ink", "oak", "tin", "wax", "jam", "elm"][:MOST_WORDS])
    assert open_end(f"Does it hold {words.replace(' ', ' or ', 1)}?") is None
    assert open_end(f"Does it hold {words.rsplit(' ', 1)[0]}?") is not None


@pytest.mark.parametrize("question", ["?", "…", "", "細胞は何ですか", "_ _", "it", "'s", "and", "that"])
def test_any_text_is_read(question: str) -> None:
    open_end(question)


def test_the_projects_own_questions_stand_alone() -> None:
    asked = load(CHECKOUT / "eval" / "questions.jsonl")
    # But for three: a pronoun comes before what it stands for.
    assert [question.id for question in asked if open_end(question.question)] == ["a-005", "a-085", "h-008"]
