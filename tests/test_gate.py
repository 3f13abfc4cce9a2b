import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from studybot import results
from studybot.comparison import Change
from studybot.errors import GateInvalid, ResultInvalid
from studybot.evaluation import Outcome, figures
from studybot.gate import Verdict, floors, judge, told
from studybot.results import Result
from tests.test_comparison import outcome

NAME = "own.jsonl"
BEFORE = [
    outcome("a", {"MRR@10": 1.0, "answer accuracy": 1.0, "hit@1": 1.0}),
    outcome("b", {"MRR@10": 1.0, "answer accuracy": 0.0, "hit@1": 1.0}),
]
# MRR@10: (1 + 1/2) / 2 = 3/4
NOW = [
    outcome("a", {"MRR@10": 1.0, "answer accuracy": 0.0, "hit@1": 1.0}),
    outcome("b", {"MRR@10": 0.5, "answer accuracy": 0.0, "hit@1": 0.0}),
]


def result(outcomes: Sequence[Outcome], name: str = NAME) -> Result:
    return Result(name, len(outcomes), {}, {}, (), (), figures(outcomes), tuple(outcomes))


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """Return where a gate may be written; the result that is kept lies below it."""
    results.write(result(BEFORE), tmp_path / "results" / "kept.json")
    return tmp_path / "gate.json"


def judged(gate: Path, now: Result, least: dict[str, Any], kept: str = "results/kept.json") -> Verdict:
    gate.write_text(json.dumps({NAME: {"result": kept, "floors": least}}), encoding="utf-8")
    return judge(now, floors(gate, now.questions))


def test_figures_at_their_floors_pass_and_below_them_are_named(gate: Path) -> None:
    assert judged(gate, result(BEFORE), {"MRR@10": 1.0, "answer accuracy": 0.5}) == Verdict((), (), ())
    least = {"answer accuracy": 0.5, "MRR@10": 0.75}
    found = judged(gate, result(NOW), least)
    assert found.below == (("answer accuracy", 0.0, 0.5),)
    found = judged(gate, result(NOW), {**least, "MRR@10": 0.7501})
    assert found.below == (("answer accuracy", 0.0, 0.5), ("MRR@10", 0.75, 0.7501))


def test_questions_that_did_better_before_are_told_but_do_not_fail(gate: Path) -> None:
    rank, answer, first = (
        Change("b", "MRR@10", 1.0, 0.5),
        Change("a", "answer accuracy", 1.0, 0.0),
        Change("b", "hit@1", 1.0, 0.0),
    )
    # By the figures that have floors, whichever these are, and by no other.
    assert judged(gate, result(NOW), {"MRR@10": 0.75}) == Verdict((), (rank,), ())
    assert judged(gate, result(NOW), {"hit@1": 0.5, "answer accuracy": 0.0}) == Verdict((), (first, answer), ())
    assert told(Verdict((("MRR@10", 0.75, 0.8),), (rank, answer), ())).split("\n") == [
        "the gate: closed",
        "below its floor: MRR@10 0.7500, wanted 0.8000",
        "worse than before: b: MRR@10 1.000 -> 0.500",
        "worse than before: a: answer accuracy 1.000 -> 0.000",
    ]


def test_questions_that_are_no_longer_asked_are_told_but_do_not_fail(gate: Path) -> None:
    found = judged(gate, result([outcome("c", {"MRR@10": 1.0}), BEFORE[1]]), {"MRR@10": 1.0})
    assert found == Verdict((), (), ("a",))
    assert told(found).split("\n") == ["the gate: open", "no longer asked: a"]
    assert told(Verdict((), (), ("a", "b"))).endswith("\nno longer asked: a, b")


def test_a_kept_result_is_looked_for_beside_the_gate(gate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(gate.parent / "results")
    assert judged(Path("../gate.json"), result(BEFORE), {}) == Verdict((), (), ())
    assert told(Verdict((), (), ())) == "the gate: open"


def test_what_the_gate_does_not_know_is_named_with_what_there_is(gate: Path) -> None:
    judged(gate, result(NOW), {})
    with pytest.raises(GateInvalid, match=r"gate\.json has no floors for other\.jsonl; it has some for own\.jsonl$"):
        floors(gate, "other.jsonl")
    with pytest.raises(GateInvalid, match=r"own\.jsonl has no figure MRR@11, speed; it has MRR@10, answer accuracy"):
        judged(gate, result(NOW), {"speed": 1.0, "MRR@10": 0.5, "MRR@11": 0.5})


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"{",
        b"\xff",
        b"[]",
        b'{"own.jsonl": 0.5}',
        b'{"own.jsonl": {"result": "results/kept.json"}}',
        b'{"own.jsonl": {"result": "results/kept.json", "floors": {"MRR@10": "high"}}}',
        b'{"own.jsonl": {"result": "results/kept.json", "floors": {}, "ceilings": {}}}',
    ],
)
def test_a_gate_that_is_none_is_told_in_one_line(gate: Path, content: bytes | None) -> None:
    if content is not None:
        gate.write_bytes(content)
    with pytest.raises(GateInvalid) as raised:
        floors(gate, NAME)
    assert str(raised.value).startswith(f"{gate} ")
    assert "\n" not in str(raised.value)


def test_a_kept_result_that_is_gone_is_named(gate: Path) -> None:
    with pytest.raises(ResultInvalid, match=r"results/lost\.json cannot be read: No such file or directory$"):
        judged(gate, result(NOW), {}, kept="results/lost.json")
