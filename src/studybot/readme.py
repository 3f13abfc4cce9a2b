"""The figures in README, from the results that are kept: ``python -m studybot.readme README.md eval/results``."""

import sys
from collections.abc import Sequence
from pathlib import Path

from studybot import benchmark, exchange, files, results
from studybot.benchmark import Benchmark
from studybot.bootstrap import Figure
from studybot.errors import StudybotError
from studybot.questions import ALL
from studybot.results import AblationResult, Result

BEGIN, END = "<!-- measured: written by `make figures` -->", "<!-- /measured -->"
_ABLATIONS = "ablations.json"
_SPEED = "bench.json"
_TRUST = "trust.json"
_FIGURES = ("MRR@10", "hit@1", "hit@5", "answer accuracy", "answer words", "answer F1", "exact match")
_DOCUMENTS = ("document hit@1", "document hit@5")
_CONFIDENCE = ("answerable refused", "unanswerable refused", "AUROC", "calibration error")
_IN_CONVERSATION = (exchange.FOLLOW_UP, exchange.IN_FULL, exchange.LEFT_ALONE)
_BY_KIND = ("MRR@10", "hit@5", "answer accuracy", "answer words")


def section(folder: Path) -> str:
    """Return the figures of the results in ``folder`` as Markdown tables, the same for the same results.

    Raises:
        ResultInvalid: one of the files is no result.
    """
    kept = [
        results.read(file) for file in sorted(folder.glob("*.json")) if file.name not in (_ABLATIONS, _SPEED, _TRUST)
    ]
    ablated = results.read_ablation(folder / _ABLATIONS)
    parts = [_overall(kept), *(_by_kind(result) for result in kept if result.questions == ablated.questions)]
    speed = [_speed(benchmark.read(file)) for file in folder.glob(_SPEED)]
    return "\n\n".join([*parts, _ablations(ablated), *speed])


def with_section(text: str, folder: Path) -> str:
    """Return ``text`` with the figures of ``folder`` between its two marks.

    Raises:
        ValueError: it has not each of the marks once.
        ResultInvalid: one of the files is no result.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"wanted {BEGIN!r} and {END!r} once each in the text")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n\n{section(folder)}\n\n{END}{after}"


def _overall(kept: Sequence[Result]) -> str:
    known = (*_DOCUMENTS, *_FIGURES, *_IN_CONVERSATION, *_CONFIDENCE)
    names = [name for name in known if any(name in result.figures[ALL] for result in kept)]
    rows = [
        ["encoder", *(result.environment["model"].split(":")[0] for result in kept)],
        ["passages", *(f"{result.notes['passages']:,}" for result in kept)],
    ]
    rows += [[name, *(_cell(result.figures[ALL].get(name), with_n=True) for result in kept)] for name in names]
    return "Each with its 95 % interval and how many questions it is of:\n\n" + _table(
        ["", *(f"`{result.questions}`" for result in kept)], rows
    )


def _by_kind(result: Result) -> str:
    rows = [
        [kind, str(group["MRR@10"].n), *(_cell(group.get(name)) for name in _BY_KIND)]
        for kind, group in result.figures.items()
        if "MRR@10" in group
    ]
    return f"`{result.questions}` by kind, with 95 % intervals:\n\n" + _table(["kind", "n", *_BY_KIND], rows)


def _ablations(result: AblationResult) -> str:
    names = list(result.ways[0].figures)
    rows = []
    for way in result.ways:
        cells = [_cell(figure) for figure in way.figures.values()]
        rows.append([way.name, *cells, str(way.milliseconds), f"{way.vectors:,}"])
    return f"What each part brings, on `{result.questions}` (n = {result.n}):\n\n" + _table(
        ["", *names, "ms each", "vectors"], rows
    )


def _speed(measured: Benchmark) -> str:
    rows = [
        [
            f"{size.passages:,}{' (made)' if size.is_synthetic else ''}",
            f"{size.statements:,}",
            *(f"{time.p50:.0f} / {time.p95:.0f} / {time.p99:.0f}" for time in (size.total_ms, size.beyond_encoding_ms)),
            f"{size.server_mb:,}",
        ]
        for size in measured.warm
    ]
    cold, made, synced = measured.cold, measured.embedding, measured.syncing
    seconds: list[tuple[str, float, str, float | None]] = [
        ("`studybot ask`, a process", cold.studybot_s, "LangChain and FAISS", cold.langchain_s),
        (f"indexing {made.texts:,} texts", made.index_s, "sentence-transformers, encoding alone", made.plain_s),
        (f"`studybot index`, {synced.notes:,} notes, none changed", synced.nothing_s, "–", None),
        ("the same, one note edited", synced.one_edit_s, "–", None),
    ]
    tables = (
        _table(["passages", "statements", "a question, ms", "of it beyond encoding", "server, MB"], rows),
        _table(
            ["", "seconds", "beside", "seconds"],
            [[what, f"{own:.1f}", beside, f"{other:.1f}" if other else "–"] for what, own, beside, other in seconds],
        ),
    )
    return "\n\n".join(["How quick it is; questions by p50 / p95 / p99:", *tables])


def _cell(figure: Figure | None, *, with_n: bool = False) -> str:
    if figure is None:
        return "–"
    # Words are counted, everything else is a share.
    digits = 1 if figure.value > 1 else 3
    interval = f"[{figure.low:.{digits}f}, {figure.high:.{digits}f}]"
    return f"{figure.value:.{digits}f} {interval}{f' n={figure.n}' if with_n else ''}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows))


def main(readme: Path, kept_in: Path) -> None:
    """Write the figures of the results in ``kept_in`` into ``readme``, or say why not."""
    try:
        files.replace(readme, with_section(readme.read_text(encoding="utf-8"), kept_in).encode())
    except (StudybotError, OSError, ValueError) as error:
        sys.exit(f"studybot: {error}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
