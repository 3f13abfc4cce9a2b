import pytest

from studybot.metrics import Figure, auroc, calibration_error, contains_all, found_within, mean, reciprocal_rank


def test_reciprocal_rank_ends_at_its_depth() -> None:
    assert [reciprocal_rank(rank) for rank in (1, 4, 10, 11, None)] == [1.0, 0.25, 0.1, 0.0, 0.0]


def test_found_within() -> None:
    assert [found_within(rank, 5) for rank in (1, 5, 6, None)] == [1.0, 1.0, 0.0, 0.0]


def test_a_mean_has_a_repeatable_interval_around_it() -> None:
    values = [1.0, 0.0, 1.0, 1.0, 0.5, 0.0, 1.0, 0.25]
    figure = mean(values)
    # 4.75 / 8
    assert (figure.value, figure.n) == (0.59375, 8)
    assert 0.2 < figure.low < figure.value < figure.high < 0.9
    assert mean(values) == figure


def test_a_mean_of_equals_has_no_width() -> None:
    assert mean([1.0, 1.0]) == Figure(1.0, 1.0, 1.0, 2)


def test_a_mean_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a mean of nothing"):
        mean([])


def test_auroc_counts_pairs_and_half_of_the_ties() -> None:
    # (.9 > .4) + (.9 > .5) + (.5 > .4) + half of (.5 = .5) = 3.5 of 4 pairs
    assert auroc([0.9, 0.5], [0.4, 0.5]) == 0.875
    with pytest.raises(ValueError, match="AUROC needs both"):
        auroc([0.9], [])


def test_calibration_error_weighs_bins_by_their_mass() -> None:
    # Two bins of two: |0.15 - 0.5| and |0.85 - 1.0|, half the mass each: 0.175 + 0.075
    assert calibration_error([0.1, 0.2, 0.8, 0.9], [0.0, 1.0, 1.0, 1.0], bins=2) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("text", "wanted", "holds"),
    [
        ("All inbound traffic is **blocked** by default", ["inbound traffic is blocked"], True),
        ("| io2 | 256,000 |", ["IO2  256,000"], True),
        ("one\ntwo", ["one two"], True),
        ("one", ["one", "two"], False),
        ("anything", [], True),
    ],
)
def test_case_white_space_and_markers_are_folded(text: str, wanted: list[str], holds: bool) -> None:
    assert contains_all(text, wanted) is holds
