from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from math import log2
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studybot.bootstrap import Figure
from studybot.bot import StudyBot
from studybot.errors import QuestionSetInvalid
from studybot.evaluation import DEPTH, Outcome, answer_of, covers, evaluate, figures, is_relevant, rank_of
from studybot.metrics import Ranking, rank_measures
from studybot.questions import ALL, Evidence, Question, load
from studybot.types import Passage
from tests.conftest import CHECKOUT

MakeBot = Callable[..., StudyBot]

EXECUTED = "Who was executed in 1793?"
KING = Evidence(note="kings.md", start_line=3, end_line=3)
CELLS, MITOCHONDRIA, SIZES = (
    Evidence(note="biology/cells.md", start_line=start, end_line=end) for start, end in ((3, 3), (7, 10), (14, 17))
)
# No other passage has a word of the question: they follow in the order of the notes.
FOUND = [("kings.md", 3), ("biology/cells.md", 3), ("biology/cells.md", 7), ("biology/cells.md", 14)]


def passage(start_line: int, end_line: int, note: str = "a.md") -> Passage:
    return Passage(f"{note}{start_line}", note, (), "", 0, start_line, end_line, ())


def lines(*ranges: tuple[int, int]) -> list[Evidence]:
    return [Evidence(note="a.md", start_line=start, end_line=end) for start, end in ranges]


def question(identity: str, *evidence: Evidence, asks: str = EXECUTED, **fields: Any) -> Question:
    known = {"id": identity, "question": asks, "kind": "fact", "answerable": bool(evidence), "answers": []}
    return Question.model_validate({**known, "evidence": evidence, **fields})


def measures_of(bot: StudyBot, *asked: Question) -> dict[str, dict[str, float]]:
    return {outcome.id: dict(outcome.measures) for outcome in evaluate(bot, asked, "test").outcomes}


def ranked(*values: float, prefix: str = "") -> dict[str, Any]:
    names = ("MRR@10", "hit@1", "hit@3", "hit@5", "hit@10", "nDCG@10")
    return {f"{prefix}{name}": pytest.approx(value) for name, value in zip(names, values, strict=True)}


def ranks_in(measures: dict[str, float], prefix: str = "") -> dict[str, float]:
    return {name: measures[name] for name in ranked(*[0.0] * 6, prefix=prefix)}


def test_a_passage_is_relevant_that_covers_half_of_the_lines() -> None:
    assert rank_of(question("q", *lines((10, 13))), [passage(1, 10), passage(12, 20)]) == 2
    assert rank_of(question("q", *lines((10, 13))), [passage(13, 20), passage(1, 9)]) is None
    assert rank_of(question("q", *lines((10, 10))), [passage(10, 10, "b.md"), passage(1, 10)]) == 2
    # One of two lines is half, one of three is less; a passage far away covers less than nothing.
    ranges = lines((5, 6), (4, 6), (5, 5), (90, 90))
    assert [covers(passage(5, 5), piece) for piece in ranges] == [True, False, True, False]


def test_each_range_suffices_alone_unless_all_are_needed() -> None:
    found = [passage(30, 31), passage(1, 2), passage(10, 11)]
    assert rank_of(question("q", *lines((1, 2), (10, 11))), found) == 2
    assert rank_of(question("q", *lines((1, 2), (10, 11)), needs_all_evidence=True), found) == 3
    assert rank_of(question("q", *lines((1, 2), (50, 51)), needs_all_evidence=True), found) is None
    # One passage may cover both; halves of one range in two passages of which neither has half do not add up.
    assert rank_of(question("q", *lines((1, 2), (4, 5)), needs_all_evidence=True), [passage(1, 9)]) == 1
    assert rank_of(question("q", *lines((1, 9))), [passage(1, 4), passage(5, 8)]) is None


def test_evidence_without_lines_is_the_whole_note() -> None:
    assert rank_of(question("q", Evidence(note="b.md")), [passage(1, 2), passage(8, 9, "b.md")]) == 2


RANGES = st.tuples(st.integers(1, 12), st.integers(0, 5)).map(lambda pair: (pair[0], sum(pair)))
PLACES = st.tuples(st.sampled_from(["a.md", "b.md"]), RANGES)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    found=st.lists(PLACES, max_size=14, unique=True),
    wanted=st.lists(st.tuples(st.sampled_from(["a.md", "b.md"]), RANGES | st.none()), min_size=1, max_size=3),
    needs_all=st.booleans(),
)
def test_ranks_are_those_of_the_definition(
    found: list[tuple[str, tuple[int, int]]],
    wanted: list[tuple[str, tuple[int, int] | None]],
    needs_all: bool,
) -> None:
    """Lines are counted one by one here: what is shared is at least half of what is wanted."""
    evidence = [
        Evidence(note=note, start_line=span[0] if span else None, end_line=span[1] if span else None)
        for note, span in wanted
    ]
    asked = question("q", *evidence, needs_all_evidence=needs_all)
    passages = [Passage(str(n), note, (), "", 0, *span, ()) for n, (note, span) in enumerate(found)]

    def holds(number: int, piece: int) -> bool:
        (note, (start, end)), (wanted_note, span) = found[number], wanted[piece]
        if note != wanted_note or span is None:
            return note == wanted_note
        lines_wanted = set(range(span[0], span[1] + 1))
        return len(lines_wanted & set(range(start, end + 1))) >= len(lines_wanted) / 2

    pieces = range(len(wanted))
    seen = [[any(holds(n, piece) for n in range(k)) for piece in pieces] for k in range(1, len(found) + 1)]
    rank = next((k for k, held in enumerate(seen, 1) if (all(held) if needs_all else any(held))), None)
    assert rank_of(asked, passages) == rank
    relevant = [n for n in range(len(found)) if any(holds(n, piece) for piece in pieces)]
    assert [p.id for p in passages if is_relevant(p, asked)] == [str(n) for n in relevant]
    decisive = {passages[rank - 1].id} if rank else set()
    measured = rank_measures({"q": Ranking([p.id for p in passages], set(map(str, relevant)), decisive)})["q"]
    assert measured["MRR@10"] == pytest.approx(1 / rank if rank and rank <= 10 else 0.0)
    assert [measured[f"hit@{k}"] for k in (1, 3, 5, 10)] == [float(bool(rank and rank <= k)) for k in (1, 3, 5, 10)]


def test_measures_of_a_question_are_those_of_its_ranks(bot: StudyBot) -> None:
    assert [(hit.passage.note, hit.passage.start_line) for hit in bot.ask(EXECUTED, DEPTH).hits] == FOUND
    found = measures_of(
        bot,
        question("first", KING),
        question("last", SIZES),
        question("either", KING, MITOCHONDRIA),
        question("both", KING, MITOCHONDRIA, needs_all_evidence=True),
        question("none"),
    )
    # Two relevant passages, at 1 and 3: (1 + 1/2) / (1 + 1 / log2(3))
    gain = 1.5 / (1 + 1 / log2(3))
    assert ranks_in(found["first"]) == ranked(1, 1, 1, 1, 1, 1)
    assert ranks_in(found["last"]) == ranked(1 / 4, 0, 0, 1, 1, 1 / log2(5))
    assert ranks_in(found["either"]) == ranked(1, 1, 1, 1, 1, gain)
    assert ranks_in(found["both"]) == ranked(1 / 3, 0, 1, 1, 1, gain)
    assert found["none"].keys() == {"answer words", "unanswerable refused"}


def test_an_answer_is_measured_against_what_is_known_of_it(make_bot: MakeBot) -> None:
    bot = make_bot(min_confidence=0.0)
    bot.sync()
    found = measures_of(
        bot,
        question("right", KING, answers=["LOUIS xvi", "**1793**"]),
        question("wrong", KING, answers=["Louis XVI", "1794"]),
        question("other words", KING, answers=["Louis XVI"], reference_answer=["He was Louis XVI", "nobody"]),
        question("unjudged", KING),
    )
    # The answer: louis xvi was executed in 1793; gold: louis xvi 1793. Precision 3/6, recall 3/3.
    judged = {name: value for name, value in found["right"].items() if name not in ranks_in(found["right"])}
    assert judged == {
        "answer accuracy": 1.0,
        "answer accuracy where found": 1.0,
        "answer F1": pytest.approx(2 / 3),
        "exact match": 0.0,
        "answer words": 6.0,
        "answerable refused": 0.0,
    }
    assert (found["wrong"]["answer accuracy"], found["wrong"]["answer accuracy where found"]) == (0.0, 0.0)
    # The best gold: he was louis xvi. Three words in common: precision 3/6, recall 3/4.
    assert found["other words"]["answer F1"] == pytest.approx(0.6)
    assert found["unjudged"].keys() == {*ranks_in(found["unjudged"]), "answer words", "answerable refused"}


def test_a_citation_mark_is_no_answer(bot: StudyBot) -> None:
    asked = question("q", MITOCHONDRIA, asks="They have two membranes, outer or inner?", answers=["1"])
    run = evaluate(bot, [asked], "test")
    answer = answer_of(run.replies[0])
    assert answer is not None
    assert not any("1" in quote.text for quote in answer.quotes)
    assert not run.outcomes[0].correct


def test_an_answer_that_was_withheld_is_judged_but_not_counted(make_bot: MakeBot) -> None:
    bot = make_bot(min_confidence=1.0)
    bot.sync()
    run = evaluate(bot, [question("king", KING, answers=["Louis XVI"]), question("none")], "test")
    king, none = run.outcomes
    assert (king.answered, king.correct, none.answered, none.correct) == (False, True, False, False)
    withheld = answer_of(run.replies[0])
    assert withheld is not None
    assert withheld.text == "Louis XVI was executed in 1793. [1]"
    assert {name: value for name, value in king.measures.items() if name not in ranked(*[0.0] * 6)} == {
        "answer accuracy": 0.0,
        "answer accuracy where found": 0.0,
        "answer F1": 0.0,
        "exact match": 0.0,
        "answerable refused": 1.0,
    }
    assert dict(none.measures) == {"unanswerable refused": 1.0}
    overall = figures(run.outcomes[:1])[ALL]
    # The confidence speaks of the answer that was withheld, which is right.
    assert overall["calibration error"].value == pytest.approx(1 - king.confidence)
    assert overall["area under risk"].value == 0.0
    assert overall["answer accuracy"].value == 0.0


def test_whole_notes_are_ranked_as_documents(bot: StudyBot) -> None:
    cells, kings = Evidence(note="biology/cells.md"), Evidence(note="kings.md")
    found = measures_of(
        bot,
        question("cells", cells),
        question("any", cells, kings),
        question("all", cells, kings, needs_all_evidence=True),
        question("lines", KING),
        question("mixed", KING, cells),
    )
    # Its three passages are at 2, 3 and 4, the note is at 2.
    gain = (1 / log2(3) + 1 / 2 + 1 / log2(5)) / (1 + 1 / log2(3) + 1 / 2)
    assert ranks_in(found["cells"]) == ranked(1 / 2, 0, 1, 1, 1, gain)
    assert ranks_in(found["cells"], "document ") == ranked(1 / 2, 0, 1, 1, 1, 1 / log2(3), prefix="document ")
    assert ranks_in(found["any"], "document ") == ranked(1, 1, 1, 1, 1, 1, prefix="document ")
    assert ranks_in(found["all"]) == ranked(1 / 2, 0, 1, 1, 1, 1)
    by_passage = [name for name, measures in found.items() if not any(key.startswith("document") for key in measures)]
    assert by_passage == ["all", "lines", "mixed"]


def test_a_note_counts_once_however_many_of_its_passages_come_first(make_bot: MakeBot, notes: Path) -> None:
    sections = "".join(f"## Part {n}\n\nWho was executed in 1793? That is question {n}.\n\n" for n in range(12))
    (notes / "asked.md").write_text(sections, encoding="utf-8")
    bot = make_bot()
    bot.sync()
    found = measures_of(bot, question("cells", Evidence(note="biology/cells.md")))["cells"]
    # Behind twelve passages and the king's: nothing by passages, the third of the notes.
    assert ranks_in(found) == ranked(0, 0, 0, 0, 0, 0)
    assert ranks_in(found, "document ") == ranked(1 / 3, 0, 1, 1, 1, 1 / 2, prefix="document ")


def test_what_is_not_among_the_first_is_missed(make_bot: MakeBot, notes: Path) -> None:
    (notes / "a.md").write_text("".join(f"## Part {n}\n\nNothing here.\n\n" for n in range(12)), encoding="utf-8")
    bot = make_bot()
    bot.sync()
    # Behind the king's come those that share no word, in the order of the notes.
    parts = [("a.md", 3 + 4 * n) for n in range(12)]
    assert [(hit.passage.note, hit.passage.start_line) for hit in bot.ask(EXECUTED, 16).hits] == [
        FOUND[0],
        *parts,
        *FOUND[1:],
    ]
    sixth = Evidence(note="a.md", start_line=19, end_line=19)
    found = measures_of(
        bot, question("sixth", sixth), question("king", KING, SIZES), question("judged", sixth, answers=["Louis"])
    )
    assert ranks_in(found["sixth"]) == ranked(1 / 6, 0, 0, 0, 1, 1 / log2(7))
    # The other relevant passage is the sixteenth.
    assert ranks_in(found["king"]) == ranked(1, 1, 1, 1, 1, 1 / (1 + 1 / log2(3)))
    assert found["judged"]["answer accuracy"] == 1.0
    assert "answer accuracy where found" not in found["judged"]


def test_evidence_that_no_passage_covers_is_named(make_bot: MakeBot, notes: Path) -> None:
    front = "---\ntitle: The bridge\n---\n\n# Bridge\n\nIt is old.\n\nIt is long.\n"
    (notes / "bridge.md").write_text(front, encoding="utf-8")
    bot = make_bot()
    bot.sync()
    (notes / "later.md").write_text("# Later\n\nNot indexed yet.\n", encoding="utf-8")
    title, heading, most, half = (
        Evidence(note="bridge.md", start_line=start, end_line=end) for start, end in ((2, 2), (5, 5), (1, 7), (4, 9))
    )
    later = Evidence(note="later.md")
    run = evaluate(
        bot,
        [
            question("front matter", title),
            question("heading", heading),
            question("too little", most),
            question("half", half),
            question("one of two", title, half),
            question("not both", title, half, needs_all_evidence=True),
            question("not indexed", later),
            question("elsewhere", later, KING),
            question("none"),
        ],
        "test",
    )
    assert run.unreachable == ("front matter", "heading", "too little", "not both", "not indexed")
    assert [outcome.measures["hit@10"] for outcome in run.outcomes[:-1]] == [0, 0, 0, 1, 1, 0, 0, 1]


def test_a_run_holds_what_was_asked_and_today_s_lines(bot: StudyBot) -> None:
    moved = Evidence(note="kings.md", start_line=40, end_line=40, quote="Louis XVI was executed in 1793.")
    asked = [question("moved", moved), question("bridge", asks="Who built the bridge?")]
    told: list[int] = []
    run = evaluate(bot, asked, "kings", told.append)
    assert (run.name, told, run.unreachable, run.missing) == ("kings", [1, 2], (), ())
    assert run.questions == (question("moved", KING.model_copy(update={"quote": moved.quote})), asked[1])
    assert [reply.question for reply in run.replies] == [EXECUTED, "Who built the bridge?"]
    assert [(o.id, o.kind, o.answerable, o.confidence) for o in run.outcomes] == [
        (q.id, "fact", q.answerable, r.outcome.confidence) for q, r in zip(asked, run.replies, strict=True)
    ]
    assert run.outcomes[0].measures["MRR@10"] == 1.0


def test_notes_that_are_not_there_are_named_where_other_evidence_is(bot: StudyBot) -> None:
    lost, gone = Evidence(note="lost.md"), Evidence(note="gone.md", start_line=3, end_line=3)
    run = evaluate(bot, [question("king", lost, KING, gone), question("cells", CELLS, gone)], "test")
    assert (run.missing, run.unreachable) == (("gone.md", "lost.md"), ())
    assert [outcome.measures["MRR@10"] for outcome in run.outcomes] == [1.0, 1 / 2]


def test_the_same_questions_have_the_same_outcomes(bot: StudyBot) -> None:
    asked = [
        question("king", KING, answers=["Louis XVI"]),
        question("cell", MITOCHONDRIA, Evidence(note="kings.md"), asks="What makes ATP in a cell?"),
        question("bridge", asks="Who built the bridge?"),
    ]
    first, second = evaluate(bot, asked, "first").outcomes, evaluate(bot, asked, "second").outcomes
    assert first == second
    assert figures(first) == figures(second)
    # What else is asked changes nothing either.
    assert evaluate(bot, asked[:1], "alone").outcomes == first[:1]


@pytest.mark.parametrize(
    ("evidence", "message"),
    [
        (Evidence(note="kings.md", start_line=4, end_line=4, quote="Louis XVI was"), "its evidence is not in kings.md"),
        (Evidence(note="queens.md"), "there is no note 'queens.md'"),
        (Evidence(note="queens"), "there is no note 'queens'"),
        (Evidence(note="kings.md", start_line=3, end_line=99), "kings.md has 5 lines, wanted 99"),
    ],
)
def test_evidence_that_its_note_does_not_hold_is_named(bot: StudyBot, evidence: Evidence, message: str) -> None:
    with pytest.raises(QuestionSetInvalid, match=f"question k-1: {message}"):
        evaluate(bot, [question("k-1", evidence)], "test")


def outcome(kind: str, confidence: float, measures: dict[str, float], *, correct: bool = False) -> Outcome:
    return Outcome(
        id=f"{kind} {confidence}",
        kind=kind,
        answerable="unanswerable refused" not in measures,
        answered=True,
        correct=correct,
        confidence=confidence,
        measures=measures,
    )


OUTCOMES = [
    outcome("fact", 0.9, {"MRR@10": 1.0, "answer accuracy": 1.0}, correct=True),
    outcome("list", 0.6, {"MRR@10": 0.0}),
    outcome("fact", 0.4, {"MRR@10": 0.5, "answer accuracy": 0.0}),
    outcome("bridge", 0.5, {"unanswerable refused": 0.0}),
]


def test_figures_are_of_all_questions_and_of_each_kind() -> None:
    found = figures(OUTCOMES)
    values = {name: {measure: (f.value, f.n) for measure, f in group.items()} for name, group in found.items()}
    assert list(values) == [ALL, "fact", "list", "bridge"]
    assert values["fact"] == {"MRR@10": (0.75, 2), "answer accuracy": (0.5, 2)}
    assert values["list"] == {"MRR@10": (0.0, 1)}
    assert values["bridge"] == {"unanswerable refused": (0.0, 1)}
    assert found["list"]["MRR@10"] == Figure(0.0, 0.0, 0.0, 1)
    assert values[ALL] == {
        "MRR@10": (0.5, 3),
        "answer accuracy": (0.5, 2),
        "unanswerable refused": (0.0, 1),
        # .9 and .6 are above .5, .4 is not.
        "AUROC": (pytest.approx(2 / 3), 4),
        # Without the one whose answer is not known: .9 right, .5 and .4 wrong, a bin each.
        "calibration error": (pytest.approx((0.1 + 0.5 + 0.4) / 3), 3),
        # Risks 0, 1/2 and 2/3 at a third each
        "area under risk": (pytest.approx(7 / 18), 3),
    }


def test_without_unanswerable_questions_there_is_no_auroc() -> None:
    assert figures(OUTCOMES[:3])[ALL].keys() == {"MRR@10", "answer accuracy", "calibration error", "area under risk"}
    assert figures(OUTCOMES[1:2])[ALL].keys() == {"MRR@10"}
    assert figures([]) == {ALL: {}}


def test_the_halves_of_a_file_have_figures_of_their_own() -> None:
    halves = ["dev", "test", "dev", "test"]
    parted = [replace(outcome, half=half) for outcome, half in zip(OUTCOMES[:4], halves, strict=True)]
    found = figures(parted)
    assert list(found)[:3] == [ALL, "dev half", "test half"]
    assert found["dev half"] == figures([parted[0], parted[2]])[ALL]
    assert found["test half"] == figures([parted[1], parted[3]])[ALL]


def test_the_projects_own_questions_quote_the_sample_notes(make_bot: MakeBot) -> None:
    bot = make_bot(notes=CHECKOUT / "notes")
    bot.sync()
    asked = load(CHECKOUT / "eval" / "questions.jsonl")
    run = evaluate(bot, asked, "questions")
    assert Counter(question.half for question in asked) == {"dev": 100, "test": 100}
    assert (run.questions, run.unreachable, run.missing) == (tuple(asked), (), ())
