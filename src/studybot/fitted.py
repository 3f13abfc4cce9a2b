"""The numbers that were fitted on questions rather than chosen; ``fitted.json``, which ships with the package.

They hold for one pipeline only. With another model or another chunking the fusion is still used, but a confidence
that was fitted for one pipeline says nothing about another: ``Fitted.holds_for`` tells.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from studybot import files
from studybot.types import Pipeline

FILE = Path(__file__).with_name("fitted.json")


@dataclass(frozen=True, slots=True)
class Fusion:
    """Weights of a convex sum (they add up to 1), and the factors of the full-text index's fields."""

    dense: float
    statement: float
    lexical: float
    fields: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Confidence:
    """A logistic model: ``1 / (1 + exp(-(intercept + weights * features)))``, and the threshold of a refusal."""

    intercept: float
    weights: Mapping[str, float]
    threshold: float

    def probability(self, features: Mapping[str, float]) -> float:
        """Return how likely an answer with these ``features`` is right."""
        total = self.intercept + sum(weight * features[name] for name, weight in self.weights.items())
        return 1.0 / (1.0 + math.exp(-total))


@dataclass(frozen=True, slots=True)
class Selection:
    """Weights of a conditional logit: the odds between two statements are ``exp`` of the difference of utilities."""

    weights: Mapping[str, float]

    def utility(self, features: Mapping[str, float]) -> float:
        """Return how much speaks for quoting a statement with these ``features``."""
        return sum(weight * features[name] for name, weight in self.weights.items())


@dataclass(frozen=True, slots=True)
class Fitted:
    """All that was fitted, for which pipeline, and on how many questions of which collections."""

    pipeline: Pipeline
    fusion: Fusion
    selection: Selection
    confidence: Confidence
    questions: Mapping[str, int]

    def holds_for(self, pipeline: Pipeline) -> bool:
        """Return whether the confidence was fitted for ``pipeline``."""
        return pipeline == self.pipeline


@cache
def load() -> Fitted:
    """Return what ships with this version."""
    values = json.loads(FILE.read_text(encoding="utf-8"))
    return Fitted(
        Pipeline(**values["pipeline"]),
        Fusion(**values["fusion"]),
        Selection(**values["selection"]),
        Confidence(**values["confidence"]),
        values["questions"],
    )


def save(fitted: Fitted) -> None:
    """Put ``fitted`` in the place of what ships with the package, one line for each part.

    Raises:
        OSError: it cannot be written; what was there before is still there.
    """
    parts = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in asdict(fitted).items()]
    files.replace(FILE, ("{\n" + ",\n".join(parts) + "\n}\n").encode())
    load.cache_clear()
