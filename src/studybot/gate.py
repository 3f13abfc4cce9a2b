"""The gate: floors that the figures of a question file must not fall below."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from studybot import comparison, results
from studybot.comparison import Change
from studybot.errors import GateInvalid
from studybot.questions import ALL
from studybot.results import Result


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    result: str
    """The result that was good enough, relative to the gate's file: what is lost is told by comparing with it."""
    floors: dict[str, float]


_Gate = RootModel[dict[str, _Entry]]


@dataclass(frozen=True, slots=True)
class Floors:
    """The least that each figure may be, by name, and the result that was good enough."""

    floors: Mapping[str, float]
    before: Result


@dataclass(frozen=True, slots=True)
class Verdict:
    """The figures below their floors, as (name, figure, floor), and what became of single questions.

    ``lost`` are those that did better by one of the figures that have floors, ``missing`` those no longer asked.
    """

    below: tuple[tuple[str, float, float], ...]
    lost: tuple[Change, ...]
    missing: tuple[str, ...]


def floors(file: Path, name: str) -> Floors:
    """Return the floors that the gate in ``file`` has for the question file called ``name``.

    Raises:
        GateInvalid: the gate cannot be read, or knows nothing of these questions.
        ResultInvalid: the result that it names cannot be read.
    """
    try:
        entries = _Gate.model_validate_json(file.read_bytes()).root
    except OSError as error:
        raise GateInvalid(f"{file} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "the file"
        raise GateInvalid(f"{file} is no gate: {where}: {problem['msg']}") from error
    entry = entries.get(name)
    if entry is None:
        raise GateInvalid(f"{file} has no floors for {name}; it has some for {', '.join(entries) or 'nothing'}")
    return Floors(entry.floors, results.read(file.parent / entry.result))


def judge(result: Result, wanted: Floors) -> Verdict:
    """Return which figures of ``result`` are below their floors, and which questions did better before.

    Raises:
        GateInvalid: there is a floor for a figure that the result does not have.
    """
    found = result.figures[ALL]
    unknown = sorted(wanted.floors.keys() - found.keys())
    if unknown:
        raise GateInvalid(f"{result.questions} has no figure {', '.join(unknown)}; it has {', '.join(found)}")
    below = [(name, found[name].value, floor) for name, floor in wanted.floors.items() if found[name].value < floor]
    before = wanted.before.outcomes
    lost = [change for name in wanted.floors for change in comparison.lost(before, result.outcomes, name)]
    asked = {outcome.id for outcome in result.outcomes}
    return Verdict(tuple(below), tuple(lost), tuple(outcome.id for outcome in before if outcome.id not in asked))


def told(verdict: Verdict) -> str:
    """Return the verdict as lines to read."""
    lines = ["the gate: " + ("closed" if verdict.below else "open")]
    lines += [f"below its floor: {name} {value:.4f}, wanted {floor:.4f}" for name, value, floor in verdict.below]
    lines += [f"worse than before: {c.id}: {c.measure} {c.before:.3f} -> {c.after:.3f}" for c in verdict.lost]
    if verdict.missing:
        lines.append(f"no longer asked: {', '.join(verdict.missing)}")
    return "\n".join(lines)
