import io
import random
from collections.abc import Sequence
from math import log2
from typing import Any

import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from studybot.metrics import (
    Bin,
    Ranking,
    area_under_risk,
    auroc,
    calibration_error,
    contains_all,
    exact_match,
    rank_measures,
    reliability,
    risk_coverage,
    token_f1,
)

NONE = {"MRR@10": 0.0, "hit@1": 0.0, "hit@3": 0.0, "hit@5": 0.0, "hit@10": 0.0, "nDCG@10": 0.0}


def exactly(value: object) -> Any:
    return pytest.approx(value, rel=0.0, abs=1e-9)


def measured(found: str, relevant: str, decisive: str | None = None) -> dict[str, float]:
    """Passages are single letters."""
    ranking = Ranking(list(found), set(relevant), set(relevant if decisive is None else decisive))
    return rank_measures({"q": ranking})["q"]


# Discounts 1 / log2(rank + 1) of the first four ranks: 1, 0.6309298, 0.5, 0.4306766; of the tenth: 0.2890648.
@pytest.mark.parametrize(
    ("found", "relevant", "decisive", "expected"),
    [
        pytest.param("a", "a", None, dict.fromkeys(NONE, 1.0), id="the only one"),
        # (0.6309298 + 0.4306766) / (1 + 0.6309298)
        pytest.param(
            "abcd",
            "bd",
            None,
            {"MRR@10": 1 / 2, "hit@1": 0.0, "hit@3": 1.0, "hit@5": 1.0, "hit@10": 1.0, "nDCG@10": 0.6509209},
            id="several relevant",
        ),
        # 0.6309298 / (1 + 0.6309298 + 0.5 + 0.4306766)
        pytest.param(
            "ab",
            "bxyz",
            None,
            {"MRR@10": 1 / 2, "hit@1": 0.0, "hit@3": 1.0, "hit@5": 1.0, "hit@10": 1.0, "nDCG@10": 0.2463024},
            id="fewer found than relevant",
        ),
        # 0.2890648 / (1 + 0.6309298)
        pytest.param(
            "abcdefghijkl",
            "jk",
            None,
            {"MRR@10": 1 / 10, "hit@1": 0.0, "hit@3": 0.0, "hit@5": 0.0, "hit@10": 1.0, "nDCG@10": 0.1772393},
            id="the tenth counts",
        ),
        pytest.param("abcdefghijkl", "kl", None, NONE, id="the eleventh counts no more"),
        pytest.param(
            "abcdefghijkl", "abcdefghijkl", None, dict.fromkeys(NONE, 1.0), id="the ideal has ten ranks as well"
        ),
        pytest.param("", "a", None, NONE, id="nothing found"),
        pytest.param("ab", "", None, NONE, id="nothing relevant"),
        # All evidence is needed, a and d have it together: (1 + 0.4306766) / (1 + 0.6309298)
        pytest.param(
            "abcd",
            "ad",
            "d",
            {"MRR@10": 1 / 4, "hit@1": 0.0, "hit@3": 0.0, "hit@5": 1.0, "hit@10": 1.0, "nDCG@10": 0.8772153},
            id="the decisive one comes later",
        ),
        # Never together: the gain of a stays.
        pytest.param("ab", "ad", "", {**NONE, "nDCG@10": 0.6131472}, id="never all"),
    ],
)
def test_rank_measures_are_those_computed_by_hand(
    found: str, relevant: str, decisive: str | None, expected: dict[str, float]
) -> None:
    assert measured(found, relevant, decisive) == pytest.approx(expected, abs=5e-8)


def test_questions_are_measured_apart_and_none_is_forgotten() -> None:
    rankings = {
        "empty": Ranking([], {"a"}, {"a"}),
        "second": Ranking(["b", "a"], {"a"}, {"a"}),
        "first": Ranking(["a", "b"], {"a"}, {"a"}),
    }
    assert {key: values["MRR@10"] for key, values in rank_measures(rankings).items()} == {
        "empty": 0.0,
        "second": 0.5,
        "first": 1.0,
    }
    assert rank_measures({}) == {}


def by_definition(found: Sequence[str], evidence: Sequence[set[str]], needs_all: bool) -> dict[str, float]:
    """Score straight from the definitions; a piece of evidence is the set of the passages that cover it."""
    enough = all if needs_all else any
    satisfied = [k for k in range(1, len(found) + 1) if enough(piece & set(found[:k]) for piece in evidence)]
    rank = satisfied[0] if satisfied else float("inf")
    relevant = set().union(*evidence)
    gain = sum(1 / log2(k + 1) for k, name in enumerate(found, 1) if k <= 10 and name in relevant)
    ideal = sum(1 / log2(k + 1) for k in range(1, min(len(relevant), 10) + 1))
    return {
        "MRR@10": 1 / rank if rank <= 10 else 0.0,
        **{f"hit@{k}": 1.0 if rank <= k else 0.0 for k in (1, 3, 5, 10)},
        "nDCG@10": gain / ideal if ideal else 0.0,
    }


def ranking_of(found: Sequence[str], evidence: Sequence[set[str]], needs_all: bool) -> Ranking:
    relevant = set().union(*evidence)
    if not needs_all:
        return Ranking(found, relevant, relevant)
    together = [name for k, name in enumerate(found, 1) if all(piece & set(found[:k]) for piece in evidence)]
    return Ranking(found, relevant, set(together[:1]))


# Names whose alphabetical order is not that of the ranks, as trec_eval breaks ties of its scores by name.
NAMES = [f"{letter}{number}" for letter in "zya" for number in (10, 9, 1, 0, 2, 33)]
ASKED = st.tuples(
    st.permutations(NAMES).flatmap(lambda names: st.integers(0, len(names)).map(lambda n: names[:n])),
    st.lists(st.sets(st.sampled_from(NAMES), max_size=5), min_size=1, max_size=4),
    st.booleans(),
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(asked=st.lists(ASKED, min_size=1, max_size=3))
def test_rank_measures_are_those_of_the_definitions(asked: list[tuple[list[str], list[set[str]], bool]]) -> None:
    found = rank_measures({f"q{number}": ranking_of(*question) for number, question in enumerate(asked)})
    assert list(found) == [f"q{number}" for number in range(len(asked))]
    for question, measures in zip(asked, found.values(), strict=True):
        assert measures == exactly(by_definition(*question))


def trec_eval(judged: dict[str, set[str]], found: dict[str, list[str]]) -> dict[str, dict[str, float]]:
    """Let trec_eval itself read and measure files of judgements and of ten results each."""
    qrels = "".join(f"{key} 0 {name} 1\n" for key, names in judged.items() for name in sorted(names))
    run = "".join(
        f"{key} Q0 {name} {rank} {100 - rank} studybot\n"
        for key, names in found.items()
        for rank, name in enumerate(names[:10], 1)
    )
    evaluator = pytrec_eval.RelevanceEvaluator(
        pytrec_eval.parse_qrel(io.StringIO(qrels)), {"recip_rank", "success.1,3,5,10", "ndcg_cut.10"}
    )
    measures: dict[str, dict[str, float]] = evaluator.evaluate(pytrec_eval.parse_run(io.StringIO(run)))
    return measures


def test_rank_measures_are_those_of_trec_eval() -> None:
    chance = random.Random(20_24)
    rankings = {}
    for number in range(300):
        found = chance.sample(NAMES, chance.randint(1, len(NAMES)))
        evidence = [set(chance.sample(NAMES, chance.randint(1, 4))) for _ in range(chance.randint(1, 3))]
        rankings[f"q{number}"] = ranking_of(found, evidence, needs_all=number % 2 == 1)
    lists = {key: list(ranking.found) for key, ranking in rankings.items()}
    of_relevant = trec_eval({key: set(ranking.relevant) for key, ranking in rankings.items()}, lists)
    of_decisive = trec_eval({key: set(ranking.decisive) for key, ranking in rankings.items()}, lists)
    found_at_all = [key for key, ranking in rankings.items() if ranking.decisive]
    assert 150 < len(found_at_all) < 300
    ours = rank_measures(rankings)
    for key in rankings:
        assert ours[key]["nDCG@10"] == exactly(of_relevant[key]["ndcg_cut_10"])
    for key in found_at_all:
        theirs = {"MRR@10": of_decisive[key]["recip_rank"]}
        theirs |= {f"hit@{k}": of_decisive[key][f"success_{k}"] for k in (1, 3, 5, 10)}
        assert {name: ours[key][name] for name in theirs} == exactly(theirs)


@pytest.mark.parametrize(
    ("text", "wanted", "holds"),
    [
        ("All inbound traffic is **blocked** by default", ["inbound traffic is blocked"], True),
        ("| io2 | 256,000 |", ["IO2  256,000"], True),
        ("one\ntwo", ["one two"], True),
        ("Straße", ["STRASSE"], True),
        ("one", ["one", "two"], False),
        ("anything", [], True),
    ],
)
def test_case_white_space_and_markers_are_folded(text: str, wanted: list[str], holds: bool) -> None:
    assert contains_all(text, wanted) is holds


@pytest.mark.parametrize(
    ("text", "golds", "f1", "exact"),
    [
        pytest.param("The Cat sat.", ["a cat sat"], 1.0, 1.0, id="articles, case and punctuation"),
        pytest.param("U.S. law", ["US law"], 1.0, 1.0, id="punctuation leaves no gap"),
        pytest.param("well-known", ["well known"], 0.0, 0.0, id="nor does a hyphen"),
        pytest.param("the theatre", ["theatre"], 1.0, 1.0, id="an article is a whole word"),
        # cat, sat, on, mat against cat, on, mat: precision 3/4, recall 3/3
        pytest.param("The cat sat on the mat", ["a cat on mat"], 6 / 7, 0.0, id="partly"),
        # Two red and one blue in common: precision 3/3, recall 3/4
        pytest.param("red red blue", ["red red blue blue"], 6 / 7, 0.0, id="repeated words count as often as in both"),
        # With the second: precision 1/1, recall 1/2
        pytest.param("Paris", ["London", "Paris, France"], 2 / 3, 0.0, id="the best of several"),
        pytest.param("Paris", ["Paris, France", "paris"], 1.0, 1.0, id="any of several"),
        pytest.param("one two", ["two one"], 1.0, 0.0, id="order counts when exact"),
        pytest.param("", ["Paris"], 0.0, 0.0, id="nothing said"),
        pytest.param("Paris", ["the"], 0.0, 0.0, id="nothing wanted"),
        pytest.param("", ["the!"], 1.0, 1.0, id="nothing said where nothing is wanted"),
    ],
)
def test_token_f1_and_exact_match_are_those_of_squad(text: str, golds: list[str], f1: float, exact: float) -> None:
    assert [token_f1(text, golds), exact_match(text, golds)] == exactly([f1, exact])


def test_auroc_counts_pairs_and_half_of_the_ties() -> None:
    # (.9 > .4) + (.9 > .5) + (.5 > .4) + half of (.5 = .5) = 3.5 of 4 pairs
    assert auroc([0.9, 0.4, 0.5, 0.5], [1, 0, 1, 0]) == 0.875
    assert auroc([0.1, 0.9], [1, 0]) == 0.0
    assert auroc([0.5, 0.5, 0.5], [1, 0, 1]) == 0.5


@pytest.mark.parametrize("flags", [[], [1, 1], [0, 0]])
def test_auroc_of_one_sort_has_no_value(flags: list[int]) -> None:
    assert auroc([0.5] * len(flags), flags) is None


def test_auroc_is_that_of_scikit_learn() -> None:
    chance = random.Random(20_24)
    for size in range(10, 60):
        scores = [chance.randint(0, 20) / 20 for _ in range(size)]
        flags = [1, 0, *(chance.randint(0, 1) for _ in range(size - 2))]
        assert auroc(scores, flags) == exactly(roc_auc_score(flags, scores))


@pytest.mark.parametrize(
    ("confidences", "correct", "bins", "expected"),
    [
        # Two bins of two: half of |.15 - .5| and half of |.85 - 1|
        pytest.param([0.1, 0.2, 0.8, 0.9], [0, 1, 1, 1], 2, 0.25, id="equal bins"),
        pytest.param([0.9, 0.1, 0.8, 0.2], [1, 0, 1, 1], 2, 0.25, id="in any order"),
        # The first of two bins takes the odd one: 2/3 of |.3 - .5| and 1/3 of |.9 - 1|
        pytest.param([0.2, 0.4, 0.9], [0, 1, 1], 2, 0.5 / 3, id="bins that differ by one"),
        # One bin each: half of |.9 - 1| and half of |.4 - 0|
        pytest.param([0.9, 0.4], [1, 0], 10, 0.25, id="fewer questions than bins"),
        # Equals are told apart by their order alone: |.5 - 0| and |.5 - 1|; in one bin there is no error.
        pytest.param([0.5, 0.5, 0.5, 0.5], [0, 0, 1, 1], 2, 0.5, id="ties keep their order"),
        pytest.param([0.5, 0.5, 0.5, 0.5], [0, 0, 1, 1], 1, 0.0, id="one bin"),
        pytest.param([1.0, 0.0], [1, 0], 10, 0.0, id="always right about itself"),
        pytest.param([1.0, 0.0], [0, 1], 10, 1.0, id="always wrong about itself"),
    ],
)
def test_calibration_error_weighs_bins_by_their_mass(
    confidences: list[float], correct: list[int], bins: int, expected: float
) -> None:
    assert calibration_error(confidences, correct, bins) == pytest.approx(expected)


def test_reliability_has_bins_of_like_confidence_the_least_first() -> None:
    bins = reliability([0.875, 0.125, 0.25, 0.625], [1, 0, 1, 1], bins=2)
    assert bins == [Bin(0.1875, 0.5, 2), Bin(0.75, 1.0, 2)]
    assert reliability([0.7, 0.2], [1, 0]) == [Bin(0.2, 0.0, 1), Bin(0.7, 1.0, 1)]


# .9 is right; of the two .8 one is; .1 is wrong: who answers one .8 answers both.
@pytest.mark.parametrize("correct", [[1, 0, 1, 0], [1, 1, 0, 0]])
def test_risk_takes_equal_confidences_together(correct: list[int]) -> None:
    coverage, risk = risk_coverage([0.9, 0.8, 0.8, 0.1], correct)
    assert coverage.tolist() == [0.25, 0.75, 1.0]
    assert risk.tolist() == pytest.approx([0.0, 1 / 3, 1 / 2])
    # .25 * 0 + .5 * 1/3 + .25 * 1/2
    assert area_under_risk([0.9, 0.8, 0.8, 0.1], correct) == pytest.approx(7 / 24)


def test_area_under_risk_is_low_where_the_right_ones_come_first() -> None:
    # Risks 0, 0, 1/3, 1/2; 1, 1, 2/3, 1/2; for one confidence 1/2
    assert area_under_risk([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 0]) == pytest.approx(5 / 24)
    assert area_under_risk([0.9, 0.8, 0.7, 0.6], [0, 0, 1, 1]) == pytest.approx(19 / 24)
    assert area_under_risk([0.5, 0.5, 0.5, 0.5], [1, 1, 0, 0]) == 0.5


JUDGED = st.lists(st.tuples(st.integers(0, 6).map(lambda n: n / 6), st.booleans()), min_size=1, max_size=40)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(judged=JUDGED, bins=st.integers(1, 12))
def test_judgements_of_confidence_are_those_of_the_definitions(judged: list[tuple[float, bool]], bins: int) -> None:
    confidences, correct = [confidence for confidence, _ in judged], [float(right) for _, right in judged]
    pairs = [(a > b) + (a == b) / 2 for a, right in judged if right for b, wrong in judged if not wrong]
    assert auroc(confidences, correct) == (exactly(sum(pairs) / len(pairs)) if pairs else None)

    answered = {least: [right for c, right in judged if c >= least] for least in sorted(set(confidences), reverse=True)}
    coverages = [len(rights) / len(judged) for rights in answered.values()]
    risks = [rights.count(False) / len(rights) for rights in answered.values()]
    coverage, risk = risk_coverage(confidences, correct)
    assert (coverage.tolist(), risk.tolist()) == (exactly(coverages), exactly(risks))
    area = sum((to - since) * height for since, to, height in zip([0.0, *coverages], coverages, risks, strict=False))
    assert area_under_risk(confidences, correct) == exactly(area)

    rest, gaps = sorted(judged, key=lambda pair: pair[0]), 0.0
    for bins_left in range(bins, 0, -1):
        size = -(-len(rest) // bins_left)
        part, rest = rest[:size], rest[size:]
        gaps += abs(sum(confidence for confidence, _ in part) - sum(right for _, right in part))
    assert calibration_error(confidences, correct, bins) == exactly(gaps / len(judged))
