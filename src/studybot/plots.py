"""Plots of what an evaluation found: PNG images on white, legible at 700 pixels, the same bytes for the same data."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from studybot import bootstrap, metrics
from studybot.evaluation import DEPTH, Figures
from studybot.questions import ALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Sheet

WIDTH_INCHES, DPI = 7.0, 200
_HEIGHT_INCHES, _WITH_LEGEND_INCHES = 4.4, 5.2
_TITLE_INCHES = 0.68
_MARGIN_INCHES = 0.12
_LONGEST_LABEL = 24

# Okabe and Ito's colours (2008), which stay apart for every kind of colour blindness.
_BLUE, _ORANGE, _INK, _GREY, _PALE = "#0072B2", "#D55E00", "#1a1a1a", "#595959", "#d9d9d9"
_LARGE, _NORMAL, _SMALL = 14, 12, 11


def mrr_by_kind(figures: Mapping[str, Figures]) -> bytes:
    """Return a plot of MRR@10 with its 95 % interval: of all questions, then of each kind, in the order of ``figures``.

    Kinds without an MRR@10 are left out.
    """
    name = f"MRR@{metrics.CUTOFF}"
    shown = {group: measured[name] for group, measured in figures.items() if name in measured}
    if not shown:
        return _nothing(f"{name} by kind of question", "No question of the file can be answered.")
    sheet, axes = _sheet(
        f"{name} by kind of question",
        f"mean and 95 % interval; {_questions(shown[ALL].n)} that can be answered",
        height=_TITLE_INCHES + 0.9 + 0.34 * len(shown),
    )
    for row, (group, figure) in enumerate(shown.items()):
        colour, marker = (_INK, "D") if group == ALL else (_BLUE, "o")
        axes.plot([figure.low, figure.high], [row, row], color=colour, linewidth=2.5, solid_capstyle="butt")
        axes.plot(figure.value, row, marker, color=colour, markersize=8, clip_on=False, zorder=3)
        axes.annotate(
            f"{figure.value:.2f}",
            (1, row),
            (14, 0),
            textcoords="offset points",
            va="center_baseline",
            fontsize=_NORMAL,
            annotation_clip=False,
        )
    axes.axhline(0.5, color=_GREY, linewidth=0.8)
    axes.set_yticks(
        range(len(shown)),
        [_drawable(f"{_shortened(group)} ({figure.n})") for group, figure in shown.items()],
        parse_math=False,
    )
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel(f"{name}, from 0 (never found) to 1 (always first)", fontsize=_NORMAL)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=_PALE, linewidth=0.8)
    return _png(sheet)


def recall(ranks: Sequence[int | None]) -> bytes:
    """Return a plot of the share of questions whose evidence is within the first k passages, k from 1 to 10.

    ``ranks`` has one for each question that can be answered: where its evidence was found, None where it was not.
    """
    title = "How often the evidence is among the first k passages"
    if not ranks:
        return _nothing(title, "No question of the file can be answered.")
    depths = range(1, DEPTH + 1)
    hits = [bootstrap.mean([float(rank is not None and rank <= depth) for rank in ranks]) for depth in depths]
    sheet, axes = _sheet(title, f"hit@k with 95 % interval; {_questions(len(ranks))} that can be answered")
    axes.fill_between(
        depths, [100 * hit.low for hit in hits], [100 * hit.high for hit in hits], color=_BLUE, alpha=0.2, linewidth=0
    )
    axes.plot(depths, [100 * hit.value for hit in hits], "o-", color=_BLUE, linewidth=2.5, markersize=7)
    for depth, hit in zip(depths, hits, strict=True):
        if depth in metrics.HITS:
            edge, offset, side = (hit.low, -6, "top") if hit.low > 0.15 else (hit.high, 6, "bottom")
            axes.annotate(
                f"{100 * hit.value:.0f} %",
                (depth, 100 * edge),
                (0, offset),
                textcoords="offset points",
                ha="center",
                va=side,
                fontsize=_NORMAL,
            )
    axes.set_xticks(depths)
    axes.set_xlim(0.4, DEPTH + 0.6)
    axes.set_xlabel("k, passages looked at", fontsize=_NORMAL)
    _percents(axes, "y", "questions (%)")
    return _png(sheet)


def risk_coverage(confidences: Sequence[float], correct: Sequence[bool], answered: Sequence[bool]) -> bytes:
    """Return a plot of the share of wrong answers when only the surest questions are answered, from few to all.

    All three have one value for each question; ``answered`` says what was done, which is marked.
    """
    title = "Wrong answers when only the surest are given"
    if not confidences:
        return _nothing(title, "No answer of the file can be told right from wrong.")
    right = np.asarray(correct, np.float64)
    coverage, risk = metrics.risk_coverage(confidences, right)
    area = metrics.area_under_risk(confidences, right)
    sheet, axes = _sheet(
        title, f"area under the curve {area:.3f}, lower is better; {_questions(len(right))}", height=_WITH_LEGEND_INCHES
    )
    axes.plot(
        100 * np.concatenate(([0.0], coverage)),
        100 * np.concatenate((risk[:1], risk)),
        drawstyle="steps-pre",
        color=_BLUE,
        linewidth=2.5,
        label="by confidence",
    )
    wrong = 100 * float(1 - right.mean())
    axes.axhline(wrong, color=_GREY, linewidth=1.5, linestyle="--", label=f"in any order: {wrong:.0f} % wrong")
    given = np.asarray(answered, bool)
    if given.any():
        share, mistaken = 100 * float(given.mean()), 100 * float(1 - right[given].mean())
        label = f"as asked: {share:.0f} % answered, {mistaken:.0f} % of them wrong"
        axes.plot(share, mistaken, "D", color=_ORANGE, markersize=9, label=label, clip_on=False, zorder=3)
    _percents(axes, "x", "questions that are answered, the surest first (%)")
    _percents(axes, "y", "wrong among the answers (%)")
    _legend(axes)
    return _png(sheet)


def reliability(confidences: Sequence[float], correct: Sequence[bool]) -> bytes:
    """Return a plot of the share of right answers against the confidence, in bins of equal mass."""
    if not confidences:
        return _nothing("Confidence and right answers", "No answer of the file can be told right from wrong.")
    right = np.asarray(correct, np.float64)
    bins = metrics.reliability(confidences, right)
    error = metrics.calibration_error(confidences, right)
    sizes = " or ".join(f"{size:,}" for size in sorted({part.n for part in bins}))
    sheet, axes = _sheet(
        f"Confidence and right answers: calibration error {error:.3f}",
        f"{len(bins)} bins of {sizes} questions each; {_questions(len(right))}",
        height=_WITH_LEGEND_INCHES,
    )
    axes.plot([0, 100], [0, 100], color=_GREY, linewidth=1.5, linestyle="--", label="as right as confident")
    sure, true = [100 * part.confidence for part in bins], [100 * part.accuracy for part in bins]
    axes.vlines(sure, sure, true, color=_BLUE, linewidth=2)
    axes.plot(sure, true, "o", color=_BLUE, markersize=8, label="a bin, and how far it is off", clip_on=False)
    _percents(axes, "x", "mean confidence (%)")
    _percents(axes, "y", "right answers (%)")
    _legend(axes)
    return _png(sheet)


def latency(totals_ms: Sequence[float]) -> bytes:
    """Return a histogram of the time each question took, its median and 95th percentile marked."""
    from matplotlib.ticker import MaxNLocator

    if not totals_ms:
        return _nothing("Time to answer a question", "No question was asked.")
    times = np.asarray(totals_ms, np.float64)
    middle, slow = np.percentile(times, [50, 95])
    # One question that waited for the disk must not squeeze all others into one bar.
    end = min(float(times.max()), 2 * float(slow)) or 1.0
    beyond = int((times > end).sum())
    sheet, axes = _sheet(
        f"Time to answer a question: p50 {_milliseconds(middle)}, p95 {_milliseconds(slow)}",
        _questions(len(times)) + (f"; {beyond} slower than {_milliseconds(end)} not shown" if beyond else ""),
    )
    axes.hist(times[times <= end], bins=np.linspace(0, end, 31).tolist(), color=_BLUE, edgecolor="white", linewidth=0.8)
    for time, name, side in ((middle, "p50", "right"), (slow, "p95", "left")):
        axes.axvline(time, color=_ORANGE, linewidth=2)
        axes.text(time, 1.01, name, transform=axes.get_xaxis_transform(), ha=side, va="bottom", fontsize=_NORMAL)
    axes.set_xlim(0, end)
    axes.set_xlabel("total time (ms)", fontsize=_NORMAL)
    axes.set_ylabel("questions", fontsize=_NORMAL)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    return _png(sheet)


def overhead(passages: Sequence[int], medians_ms: Sequence[float], slow_ms: Sequence[float]) -> bytes:
    """Return a plot of a question's time beyond encoding against the number of passages: median, 95th percentile."""
    sheet, axes = _sheet(
        "Time of a question beyond encoding it", "median and 95th percentile, by size of the index", _WITH_LEGEND_INCHES
    )
    axes.plot(passages, slow_ms, "s--", color=_ORANGE, linewidth=1.5, markersize=7, label="p95")
    axes.plot(passages, medians_ms, "o-", color=_BLUE, linewidth=2.5, markersize=8, label="p50")
    for size, time in zip(passages, medians_ms, strict=True):
        axes.annotate(_milliseconds(time), (size, time), (0, -9), textcoords="offset points", ha="center", va="top")
    axes.set_xscale("log")
    axes.set_xticks(passages, [f"{size:,}" for size in passages], minor=False)
    axes.minorticks_off()
    axes.set_xlabel("passages", fontsize=_NORMAL)
    axes.set_ylim(0, 1.15 * max(slow_ms))
    axes.set_ylabel("ms", fontsize=_NORMAL)
    axes.grid(axis="y", color=_PALE, linewidth=0.8)
    _legend(axes)
    return _png(sheet)


def _sheet(title: str, subtitle: str, height: float = _HEIGHT_INCHES) -> tuple["Sheet", "Axes"]:
    """Return a white sheet with its two lines of title, and the axes below them."""
    from matplotlib.figure import Figure as Sheet

    sheet = Sheet(figsize=(WIDTH_INCHES, height), dpi=DPI, facecolor="white", layout="constrained")
    left = _MARGIN_INCHES / WIDTH_INCHES
    sheet.text(left, 1 - 0.1 / height, title, va="top", fontsize=_LARGE, fontweight="bold", color=_INK)
    sheet.text(left, 1 - 0.38 / height, subtitle, va="top", fontsize=_NORMAL, color=_GREY)
    engine = sheet.get_layout_engine()
    if engine is not None:
        # The titles are no part of the layout: a long one must not make the axes narrow.
        engine.set(
            rect=(0, 0, 1, 1 - _TITLE_INCHES / height),  # type: ignore[call-arg]
            w_pad=_MARGIN_INCHES,
            h_pad=_MARGIN_INCHES / 2,
        )
    axes = sheet.add_subplot(facecolor="white")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=_NORMAL, color=_GREY)
    return sheet, axes


def _percents(axes: "Axes", side: str, label: str) -> None:
    """Make ``side`` one from 0 to 100 %, with a little room for what stands at its ends."""
    axis, limit, name = (
        (axes.xaxis, axes.set_xlim, axes.set_xlabel) if side == "x" else (axes.yaxis, axes.set_ylim, axes.set_ylabel)
    )
    limit(-2, 102)
    axis.set_ticks(range(0, 101, 20))
    axis.grid(True, color=_PALE, linewidth=0.8)
    name(label, fontsize=_NORMAL)


def _legend(axes: "Axes") -> None:
    # Above the axes, where no data can be.
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.01), fontsize=_SMALL, frameon=False, borderaxespad=0)


def _nothing(title: str, reason: str) -> bytes:
    """Return a plot of nothing that says why."""
    sheet, axes = _sheet(title, reason, height=1.4)
    axes.set_axis_off()
    return _png(sheet)


def _png(sheet: "Sheet") -> bytes:
    written = BytesIO()
    # Without a date or a version in it, the same plot has the same bytes.
    sheet.savefig(written, format="png", metadata={"Software": None})
    return written.getvalue()


def _questions(n: int) -> str:
    return f"n = {n:,} question{'' if n == 1 else 's'}"


def _milliseconds(time: float) -> str:
    return f"{time:,.0f} ms" if time >= 10 else f"{time:.2g} ms"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"


def _drawable(text: str) -> str:
    """Return ``text`` with a box for each letter that the font does not have; matplotlib would warn of each."""
    from matplotlib.font_manager import findfont, get_font

    letters = get_font(findfont("DejaVu Sans")).get_charmap()
    return "".join(letter if ord(letter) in letters else "□" for letter in text)
