"""Results that are kept as JSON, with what they were measured with: figures and outcomes, no text of notes."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from studybot import database, files
from studybot.ablation import Ablation
from studybot.bot import StudyBot
from studybot.errors import ResultInvalid
from studybot.evaluation import Figures, Outcome, Run, figures
from studybot.questions import ALL

_Kept = TypeVar("_Kept")
_PACKAGES = ("studybot", "sentence-transformers", "torch", "onnxruntime", "faiss-cpu", "numpy")


@dataclass(frozen=True, slots=True)
class Result:
    """A run, without what was said in it. Figures by group (all questions, or a kind), then by name."""

    questions: str
    n: int
    environment: Mapping[str, str]
    notes: Mapping[str, int]
    unreachable: tuple[str, ...]
    missing: tuple[str, ...]
    figures: Mapping[str, Figures]
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True, slots=True)
class AblationResult:
    """What each part of retrieval brought, from the plainest way to all of it, and words alone."""

    questions: str
    n: int
    environment: Mapping[str, str]
    ways: tuple[Ablation, ...]


def result_of(run: Run, bot: StudyBot) -> Result:
    """Return what is kept of ``run``. The same run gives the same bytes: times are not among it."""
    return Result(
        questions=run.name,
        n=len(run.questions),
        environment=environment(bot),
        notes={name: count for name, count in bot.status().counts.items() if name != "vectors"},
        unreachable=run.unreachable,
        missing=run.missing,
        figures=figures(run.outcomes),
        outcomes=run.outcomes,
    )


def environment(bot: StudyBot) -> dict[str, str]:
    """Return what figures depend on beside questions and notes: model, chunking, threshold, versions, machine."""
    return {
        "model": bot.pipeline.model,
        "window": f"{bot.pipeline.max_tokens} tokens",
        "chunking": f"version {bot.pipeline.chunking}",
        "refused below": f"{bot.least_confidence:g}",
        **{package: version(package) for package in _PACKAGES},
        "SQLite": database.VERSION,
        "Python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }


def as_json(result: Result | AblationResult) -> str:
    """Return ``result`` as JSON, numbers in full."""
    return TypeAdapter(type(result)).dump_json(result, indent=1).decode() + "\n"


def read(file: Path) -> Result:
    """Return the result of a run that :func:`write` wrote.

    Raises:
        ResultInvalid: it cannot be read, or is none.
    """
    return _read(file, Result)


def read_ablation(file: Path) -> AblationResult:
    """Return the ablation that :func:`write` wrote; raises what :func:`read` does."""
    return _read(file, AblationResult)


def write(result: Result | AblationResult, file: Path) -> None:
    """Write ``result`` to ``file``, as a whole or not at all.

    Raises:
        ResultInvalid: it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        files.replace(file, as_json(result).encode())
    except OSError as error:
        raise ResultInvalid(f"{file} cannot be written: {error.strerror}") from error


def table(result: Result) -> str:
    """Return the figures as lines to read: what no passage can answer, all questions, then MRR@10 by kind."""
    lines = []
    if result.unreachable:
        lines.append(f"No passage holds the evidence of: {', '.join(result.unreachable)}\n")
    if result.missing:
        lines.append(f"Notes that are not there, so that other evidence has to do: {', '.join(result.missing)}\n")
    for name, figure in result.figures[ALL].items():
        lines.append(f"{name:<28} {figure.value:7.3f}   [{figure.low:.3f}, {figure.high:.3f}]   n={figure.n}")
    kinds = ("MRR@10", "hit@5", "answer accuracy")
    lines.append(f"\n{'by kind':<20} {'n':>4}   " + "   ".join(f"{name:^25}" for name in kinds))
    for kind, group in result.figures.items():
        if kind != ALL and kinds[0] in group:
            cells = [f"{f.value:.3f} [{f.low:.3f}, {f.high:.3f}]" for f in map(group.get, kinds) if f is not None]
            lines.append(f"{kind:<20} {group[kinds[0]].n:>4}   " + "   ".join(f"{cell:^25}" for cell in cells))
    return "\n".join(lines)


def _read(file: Path, form: type[_Kept]) -> _Kept:
    try:
        return TypeAdapter(form).validate_json(file.read_bytes())
    except OSError as error:
        raise ResultInvalid(f"{file} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "the file"
        raise ResultInvalid(f"{file} is no result of `studybot eval --save`: {where}: {problem['msg']}") from error
