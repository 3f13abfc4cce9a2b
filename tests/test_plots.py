import struct
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from matplotlib.image import imread

from studybot import plots
from studybot.bootstrap import Figure
from studybot.evaluation import Figures
from studybot.questions import ALL

Draw = Callable[[], bytes]

RNG = np.random.default_rng(7)
CONFIDENCES = RNG.random(200).tolist()
CORRECT = (RNG.random(200) < CONFIDENCES).tolist()
ANSWERED = [confidence > 0.3 for confidence in CONFIDENCES]


def mrr(value: float, n: int = 20) -> Figures:
    return {"MRR@10": Figure(value, max(value - 0.2, 0), min(value + 0.1, 1), n)}


DRAWN: dict[str, Draw] = {
    "mrr": lambda: plots.mrr_by_kind({ALL: mrr(0.8), "fact": mrr(1.0), "typo": mrr(0.0), "unanswerable": {}}),
    "recall": lambda: plots.recall([1, 1, 1, 2, 4, 10, 11, None]),
    "risk": lambda: plots.risk_coverage(CONFIDENCES, CORRECT, ANSWERED),
    "reliability": lambda: plots.reliability(CONFIDENCES, CORRECT),
    "latency": lambda: plots.latency([4.0, 5.0, 5.5, 7.0, 900.0]),
    "overhead": lambda: plots.overhead([660, 10_000, 100_000], [4.0, 9.5, 31.0], [6.0, 12.0, 55.0]),
}
OF_LITTLE: dict[str, Draw] = {
    "no kind": lambda: plots.mrr_by_kind({ALL: {}}),
    "no rank": lambda: plots.recall([]),
    "no judgement for risk": lambda: plots.risk_coverage([], [], []),
    "no judgement for reliability": lambda: plots.reliability([], []),
    "no time": lambda: plots.latency([]),
    "one kind": lambda: plots.mrr_by_kind({ALL: mrr(1.0, 1), "fact": mrr(1.0, 1)}),
    "never found": lambda: plots.recall([None]),
    "all wrong": lambda: plots.risk_coverage([0.5, 0.5], [False, False], [True, True]),
    "none answered": lambda: plots.risk_coverage([0.5], [True], [False]),
    "fewer questions than bins": lambda: plots.reliability([0.0, 1.0], [True, False]),
    "no time at all": lambda: plots.latency([0.0]),
    "kinds that look like formulas or are in no font": lambda: plots.mrr_by_kind(
        {ALL: mrr(0.5), "$x_1$ and 漢字 and \ud800, a kind with a long name": mrr(0.5), r"$\frac{$": mrr(0.1)}
    ),
}


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize(
    ("name", "height"),
    [("mrr", 520), ("recall", 880), ("risk", 1040), ("reliability", 1040), ("latency", 880), ("overhead", 1040)],
)
def test_a_plot_is_a_png_that_is_sharp_at_seven_hundred_pixels(name: str, height: int) -> None:
    assert size(DRAWN[name]()) == (1400, height)


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_data_gives_the_same_bytes_without_a_version_in_them(name: str) -> None:
    drawn = DRAWN[name]()
    assert drawn == DRAWN[name]()
    assert b"matplotlib" not in drawn.lower()


@pytest.mark.parametrize("draw", [*DRAWN.values(), *OF_LITTLE.values()], ids=[*DRAWN, *OF_LITTLE])
def test_a_plot_stands_on_white_and_nothing_is_cut_off_at_its_edges(draw: Draw) -> None:
    pixels = imread(BytesIO(draw()), format="png")[:, :, :3]
    assert pixels.min() < 0.5
    for edge in (pixels[:8], pixels[-8:], pixels[:, :8], pixels[:, -8:]):
        assert edge.min() == 1.0


def test_a_plot_grows_with_the_kinds() -> None:
    def height(kinds: int) -> int:
        return size(plots.mrr_by_kind({ALL: mrr(0.5), **{f"kind {n}": mrr(0.5) for n in range(kinds)}}))[1]

    # A third of an inch at 200 dots an inch.
    assert height(10) - height(4) == pytest.approx(6 * 68, abs=1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: plots.recall([1, 2, None]), lambda: plots.recall([1, 3, None])),
        (lambda: plots.recall([1, 11]), lambda: plots.recall([1, 10])),
        (
            lambda: plots.risk_coverage([0.9, 0.1], [True, False], [True, True]),
            lambda: plots.risk_coverage([0.9, 0.1], [True, False], [True, False]),
        ),
        (lambda: plots.reliability([0.9, 0.1], [True, False]), lambda: plots.reliability([0.9, 0.1], [False, True])),
        (lambda: plots.latency([1.0, 2.0]), lambda: plots.latency([1.0, 2.5])),
    ],
    ids=["a rank", "beyond the tenth rank", "a refusal", "which was right", "a time"],
)
def test_what_differs_is_seen(one: Draw, other: Draw) -> None:
    assert one() != other()


def test_ranks_beyond_the_tenth_are_not_found() -> None:
    assert plots.recall([1, 11]) == plots.recall([1, None])
