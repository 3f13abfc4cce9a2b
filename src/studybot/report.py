"""The report of an evaluation: one page that needs no network, and its plots beside it."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from studybot import files, plots
from studybot.bootstrap import Figure
from studybot.bot import Reply
from studybot.errors import ReportUnwritable
from studybot.evaluation import DEPTH, Figures, Outcome, Run, answer_of, figures, groups, is_relevant, judged, rank_of
from studybot.places import place
from studybot.questions import ALL, Question
from studybot.summary import SUMMARY, FigureJson, PlotJson, ReportJson
from studybot.types import Passage

PAGE = "report.html"
MOST_CASES = 30
_FOUND = 3
_OF_KINDS = ("MRR@10", "hit@5", "nDCG@10", "answer accuracy", "answer words")
_NOTHING = "–"

MEANINGS = {
    "MRR@10": "mean of 1 / rank of the first passage with the evidence; 0 beyond rank 10",
    "hit@1": "the first passage has the evidence",
    "hit@3": "one of the first 3 passages has the evidence",
    "hit@5": "one of the first 5 passages has the evidence",
    "hit@10": "one of the first 10 passages has the evidence",
    "nDCG@10": "how near the top all relevant passages stand; 1 is the best order",
    "answer accuracy": "the answer has every string that is wanted; a refusal is wrong",
    "answer accuracy where found": "the same, of questions whose evidence is in the first 5 passages",
    "answer F1": "words in common with the wanted answer, as SQuAD counts them",
    "exact match": "the words of the wanted answer and no others",
    "answer words": "words in an answer; long answers are right more easily",
    "answerable refused": "questions that the notes answer, refused; lower is better",
    "unanswerable refused": "questions that the notes do not answer, refused; higher is better",
    "AUROC": "how well the confidence tells answerable from unanswerable; 0.5 is chance",
    "calibration error": "mean distance between confidence and share of right answers; 0 is best",
    "area under risk": "share of wrong answers, mean over all shares answered; lower is better",
}
"""What a figure says, by its name; those of whole notes have ``document`` before it."""


@dataclass(frozen=True, slots=True)
class Plot:
    """An image, where it is written, what it shows, and how it is read."""

    file: str
    png: bytes
    alt: str
    caption: str

    @property
    def source(self) -> str:
        """The image itself, as an address."""
        return f"data:image/png;base64,{b64encode(self.png).decode()}"


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was found, and whether it has evidence."""

    heading: str
    place: str
    link: str
    is_relevant: bool


@dataclass(frozen=True, slots=True)
class Case:
    """A question, where its evidence stands (places and quotes), and what came of it."""

    question: Question
    rank: int | None
    evidence: tuple[tuple[str, str], ...]
    found: tuple[Found, ...]
    answer: str
    confidence: str
    answered: bool
    verdict: str


def write(run: Run, folder: Path, link: Callable[[Passage], str], environment: Mapping[str, str]) -> None:
    """Write the report of ``run`` into ``folder``, which is made where it is missing.

    ``link`` gives the address that opens a passage, or nothing. ``environment`` names what the figures were measured
    with. Times are in latency.png and in the page's last section only: the rest is the same for the same run.

    Raises:
        ReportUnwritable: the folder, or a file in it, cannot be written. A file is replaced whole or not at all.
    """
    measured = figures(run.outcomes)
    drawn = _plots(run, measured)
    page = _page(run, measured, drawn, link, environment)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for plot in drawn:
            files.replace(folder / plot.file, plot.png)
        files.replace(folder / PAGE, page)
        files.replace(folder / SUMMARY, _summary(run, measured, drawn, environment).model_dump_json(indent=1).encode())
    except OSError as error:
        reason = error.strerror or str(error)
        raise ReportUnwritable(f"the report cannot be written to {folder}: {reason}; name another folder") from error


def worst(run: Run) -> list[int]:
    """Return the positions of the answerable questions that went wrong: lowest MRR@10 first, then wrong answers."""

    def value(outcome: Outcome) -> tuple[float, float]:
        # Nothing is known against an answer that cannot be judged.
        return outcome.measures["MRR@10"], outcome.measures.get("answer accuracy", 1.0)

    wrong = [n for n, outcome in enumerate(run.outcomes) if outcome.answerable and value(outcome) != (1.0, 1.0)]
    return sorted(wrong, key=lambda n: value(run.outcomes[n]))


def answered_anyway(run: Run) -> list[int]:
    """Return the positions of the unanswerable questions that were answered, the most confident first."""
    answered = [n for n, outcome in enumerate(run.outcomes) if outcome.answered and not outcome.answerable]
    return sorted(answered, key=lambda n: -run.outcomes[n].confidence)


def _summary(
    run: Run, measured: Mapping[str, Figures], drawn: Sequence[Plot], environment: Mapping[str, str]
) -> ReportJson:
    return ReportJson(
        questions=run.name,
        asked=len(run.questions),
        answerable=sum(outcome.answerable for outcome in run.outcomes),
        environment=dict(environment),
        figures=[FigureJson(**_row(name, figure)) for name, figure in measured[ALL].items()],
        plots=[PlotJson(file=plot.file, alt=plot.alt, caption=plot.caption) for plot in drawn],
    )


def _page(
    run: Run,
    measured: Mapping[str, Figures],
    drawn: Sequence[Plot],
    link: Callable[[Passage], str],
    environment: Mapping[str, str],
) -> bytes:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader("studybot", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    failed, anyway = worst(run), answered_anyway(run)

    def cases(positions: Sequence[int]) -> list[Case]:
        return [_case(run.questions[n], run.replies[n], run.outcomes[n], link) for n in positions]

    page = templates.get_template("report.html.j2").render(
        run=run,
        answerable=sum(outcome.answerable for outcome in run.outcomes),
        environment=environment,
        unreachable=cases([n for n, question in enumerate(run.questions) if question.id in run.unreachable]),
        figures=[_row(name, figure) for name, figure in measured[ALL].items()],
        of_kinds=_OF_KINDS,
        kinds=[_kind_row(name, measured[name], len(group)) for name, group in groups(run.outcomes).items()],
        plots=[plot for plot in drawn if plot.file != "latency.png"],
        worst=cases(failed[:MOST_CASES]),
        failed=len(failed),
        anyway=cases(anyway[:MOST_CASES]),
        answered_anyway=len(anyway),
        times=_times(run.replies),
        latency=next(plot for plot in drawn if plot.file == "latency.png"),
    )
    return page.encode()


def _plots(run: Run, measured: Mapping[str, Figures]) -> list[Plot]:
    asked = zip(run.questions, run.replies, strict=True)
    ranks = [rank_of(question, _passages(reply)) for question, reply in asked if question.answerable]
    known = judged(run.outcomes)
    confidences, correct = [o.confidence for o in known], [o.correct for o in known]
    return [
        Plot(
            "mrr_by_kind.png",
            plots.mrr_by_kind(measured),
            f"MRR@10 with its interval: {_listed(measured, 'MRR@10')}.",
            "The further right, the nearer to the top the evidence was found; kinds whose bars overlap widely may"
            " differ by chance.",
        ),
        Plot(
            "recall.png",
            plots.recall(ranks),
            f"Share of questions whose evidence is within the first k passages, k from 1 to {DEPTH}.",
            "The height at k is the share of questions whose evidence is seen by who looks at k passages;"
            " where the curve is flat, looking further finds no more.",
        ),
        Plot(
            "risk_coverage.png",
            plots.risk_coverage(confidences, correct, [o.answered for o in known]),
            "Share of wrong answers against the share of questions that are answered, the surest first.",
            "The further the curve runs below the dashed line, the better the confidence knows which answers are wrong;"
            " answering an unanswerable question counts as wrong.",
        ),
        Plot(
            "reliability.png",
            plots.reliability(confidences, correct),
            "Share of right answers against mean confidence, in bins of equal mass.",
            "A point above the dashed line stands for answers that are right more often than they claim,"
            " one below for answers that claim too much.",
        ),
        Plot(
            "latency.png",
            plots.latency([reply.timings_ms["total"] for reply in run.replies]),
            "Histogram of the time that a question took, its median and 95th percentile marked.",
            "Half of the questions took no longer than p50, 95 in 100 no longer than p95;"
            " times depend on the machine and on what else it did.",
        ),
    ]


def _case(question: Question, reply: Reply, outcome: Outcome, link: Callable[[Passage], str]) -> Case:
    answer = answer_of(reply)
    passages = _passages(reply)
    return Case(
        question=question,
        rank=rank_of(question, passages),
        evidence=tuple((place(e.note, e.start_line, e.end_line), e.quote or "") for e in question.evidence),
        found=tuple(
            Found(
                " › ".join(passage.heading),
                place(passage.note, passage.start_line, passage.end_line),
                link(passage),
                is_relevant(passage, question),
            )
            for passage in passages[:_FOUND]
        ),
        answer=answer.text if answer is not None else "",
        confidence=f"{outcome.confidence:.2f}",
        answered=outcome.answered,
        verdict=_verdict(outcome),
    )


def _verdict(outcome: Outcome) -> str:
    if outcome.answerable and "answer accuracy" not in outcome.measures:
        return "not judged"
    return "right" if outcome.correct else "wrong"


def _row(name: str, figure: Figure) -> dict[str, str]:
    of_notes = name.removeprefix("document ")
    meaning = MEANINGS.get(of_notes, "")
    return {
        "name": name,
        "value": _number(name, figure.value),
        "interval": _interval(name, figure),
        "n": f"{figure.n:,}",
        "meaning": meaning if name == of_notes else f"of whole notes: {meaning}",
    }


def _kind_row(kind: str, measured: Figures, n: int) -> dict[str, str | list[str]]:
    cells = [measured.get(name) for name in _OF_KINDS]
    values = [_number(name, cell.value) if cell else _NOTHING for name, cell in zip(_OF_KINDS, cells, strict=True)]
    intervals = [_interval(name, cell) if cell else "" for name, cell in zip(_OF_KINDS, cells, strict=True)]
    return {"kind": kind, "values": values, "intervals": intervals, "n": f"{n:,}"}


def _times(replies: Sequence[Reply]) -> list[dict[str, str]]:
    stages = list(dict.fromkeys(stage for reply in replies for stage in reply.timings_ms))
    rows = []
    for stage in stages:
        middle, slow = np.percentile([r.timings_ms[stage] for r in replies if stage in r.timings_ms], [50, 95])
        rows.append({"stage": stage, "p50": f"{middle:,.1f}", "p95": f"{slow:,.1f}"})
    return rows


def _listed(measured: Mapping[str, Figures], name: str) -> str:
    return ", ".join(f"{group} {_number(name, of[name].value)}" for group, of in measured.items() if name in of)


def _number(name: str, value: float) -> str:
    return f"{value:.1f}" if name == "answer words" else f"{value:.3f}"


def _interval(name: str, figure: Figure) -> str:
    return f"{_number(name, figure.low)} to {_number(name, figure.high)}"


def _passages(reply: Reply) -> list[Passage]:
    return [hit.passage for hit in reply.hits]
