from collections.abc import Mapping

import pytest

from studybot.bootstrap import Difference, Figure
from studybot.comparison import Change, compare, lost, table
from studybot.evaluation import Outcome


def outcome(identity: str, measures: Mapping[str, float], kind: str = "fact") -> Outcome:
    """Return an outcome with what was measured; what the answer was like is of no account."""
    return Outcome(identity, kind, True, True, True, 0.5, measures)


BEFORE = [
    outcome("won", {"MRR@10": 0.5, "hit@3": 0.0, "nDCG@10": 0.75, "hit@1": 0.0, "answer words": 10.0}),
    outcome("tied", {"MRR@10": 1.0, "hit@1": 1.0}),
    outcome("lost", {"MRR@10": 0.25, "nDCG@10": 0.25}),
    outcome("gone", {"MRR@10": 1.0, "hit@5": 1.0}),
]
AFTER = [
    outcome("new", {"MRR@10": 1.0, "hit@5": 0.0}),
    outcome("lost", {"MRR@10": 0.0, "nDCG@10": 0.75}),
    outcome("tied", {"MRR@10": 1.0, "answer accuracy": 1.0}),
    outcome("won", {"MRR@10": 1.0, "hit@3": 1.0, "nDCG@10": 0.5, "answer words": 9.0}),
]


def test_questions_that_both_runs_measured_are_compared_pair_by_pair() -> None:
    found = compare(BEFORE, AFTER)
    # hit@1 was measured before only, accuracy after only, hit@5 of no question twice. hit@3 is not compared, nor are
    # words, of which more are neither better nor worse.
    assert list(found) == ["MRR@10", "nDCG@10"]
    ranks, gains = found.values()
    # +1/2, 0 and -1/4 over three questions
    assert (ranks.wins, ranks.ties, ranks.losses, ranks.difference.n) == (1, 1, 1, 3)
    assert ranks.difference.value == pytest.approx(0.25 / 3)
    # 1/2 - 3/4 and 3/4 - 1/4 over two
    assert (gains.wins, gains.ties, gains.losses, gains.difference.value) == (1, 0, 1, 0.125)


def test_a_run_does_not_differ_from_itself() -> None:
    found = compare(BEFORE, BEFORE)
    assert list(found) == ["MRR@10", "hit@1", "hit@5", "nDCG@10"]
    assert found["MRR@10"] == Difference(Figure(0.0, 0.0, 0.0, 4), wins=0, ties=4, losses=0, p=1.0)
    assert lost(BEFORE, BEFORE, "MRR@10") == []


def test_runs_without_a_common_question_have_nothing_to_compare() -> None:
    assert compare(BEFORE[:1], AFTER[:1]) == {}


def test_questions_that_lost_come_worst_first_and_equal_losses_by_their_id() -> None:
    values = {"c": 0.5, "b": 1.0, "a": 1.0, "better": 0.5, "same": 1.0, "gone": 1.0, "unmeasured": 1.0}
    before = [outcome(name, {"MRR@10": value}) for name, value in values.items()]
    values = {"a": 0.5, "b": 0.0, "c": 0.0, "better": 1.0, "same": 1.0, "new": 0.0}
    after = [outcome(name, {"MRR@10": value}) for name, value in values.items()]
    after.append(outcome("unmeasured", {"hit@1": 0.0}))
    # b lost 1, a and c lost 1/2 each
    assert lost(before, after, "MRR@10") == [
        Change("b", "MRR@10", 1.0, 0.0),
        Change("a", "MRR@10", 1.0, 0.5),
        Change("c", "MRR@10", 0.5, 0.0),
    ]
    assert lost(before, after, "hit@1") == []


def test_differences_are_told_in_a_table() -> None:
    ranks = Difference(Figure(-0.25, -0.5, 0.125, 40), wins=3, ties=30, losses=7, p=0.0625)
    answers = Difference(Figure(0.5, 0.25, 0.75, 40), wins=20, ties=20, losses=0, p=0.0)
    assert table({"MRR@10": ranks, "answer accuracy": answers}).split("\n") == [
        "                     change   95 % interval        wins  ties losses        p",
        "MRR@10               -0.250   [-0.500, +0.125]        3    30      7   0.0625",
        "answer accuracy      +0.500   [+0.250, +0.750]       20    20      0   0.0000",
    ]
