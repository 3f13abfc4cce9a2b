"""The numbers that were fitted on questions rather than chosen; ``fitted.json``, which ships with the package.

They hold for one pipeline only. With another model or another chunking the fusion is still used, but a confidence
that was fitted for one pipeline says nothing about another: ``Fitted.holds_for`` tells.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from studybot.types import Pipeline


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


@dataclass(frozen=True, slots=True)
class Selection:
    """Weights of the linear model that ranks statements, by the name of the feature."""

    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Fitted:
    """All that was fitted, and for which pipeline."""

    pipeline: Pipeline
    fusion: Fusion
    selection: Selection
    confidence: Confidence

    def holds_for(self, pipeline: Pipeline) -> bool:
        """Return whether the confidence was fitted for ``pipeline``."""
        return pipeline == self.pipeline


@cache
def load() -> Fitted:
    """Return what ships with this version."""
    values = json.loads((files("studybot") / "fitted.json").read_text(encoding="utf-8"))
    return Fitted(
        Pipeline(**values["pipeline"]),
        Fusion(**values["fusion"]),
        Selection(**values["selection"]),
        Confidence(**values["confidence"]),
    )
