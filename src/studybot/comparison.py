"""Two runs of the same questions, question by question."""

from collections.abc import Sequence
from dataclasses import dataclass

from studybot import bootstrap
from studybot.evaluation import Outcome

COMPARED = ("MRR@10", "hit@1", "hit@5", "nDCG@10", "answer accuracy")


@dataclass(frozen=True, slots=True)
class Change:
    """A question that a measure says something else about than before."""

    id: str
    measure: str
    before: float
    after: float


def compare(before: Sequence[Outcome], after: Sequence[Outcome]) -> dict[str, bootstrap.Difference]:
    """Return for each measure how ``after`` differs, over the questions that both runs measured by it."""
    known = {outcome.id: outcome for outcome in before}
    differences = {}
    for name in COMPARED:
        pairs = [
            (known[outcome.id].measures[name], outcome.measures[name])
            for outcome in after
            if outcome.id in known and name in outcome.measures and name in known[outcome.id].measures
        ]
        if pairs:
            differences[name] = bootstrap.paired(*zip(*pairs, strict=True))
    return differences


def lost(before: Sequence[Outcome], after: Sequence[Outcome], measure: str) -> list[Change]:
    """Return the questions whose ``measure`` is lower than before, those that lost most first."""
    now = {outcome.id: outcome.measures for outcome in after}
    changes = [
        Change(outcome.id, measure, outcome.measures[measure], now[outcome.id][measure])
        for outcome in before
        if measure in outcome.measures and measure in now.get(outcome.id, {})
    ]
    fallen = [change for change in changes if change.after < change.before]
    return sorted(fallen, key=lambda change: (change.after - change.before, change.id))


def table(differences: dict[str, bootstrap.Difference]) -> str:
    """Return the differences as lines to read."""
    lines = [f"{'':<18} {'change':>8}   {'95 % interval':<19} {'wins':>5} {'ties':>5} {'losses':>6}        p"]
    for name, found in differences.items():
        figure = found.difference
        interval = f"[{figure.low:+.3f}, {figure.high:+.3f}]"
        lines.append(
            f"{name:<18} {figure.value:+8.3f}   {interval:<19} {found.wins:>5} {found.ties:>5} {found.losses:>6}"
            f"   {found.p:6.4f}"
        )
    return "\n".join(lines)
