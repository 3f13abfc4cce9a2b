"""Made notes of any number, with the words of real ones, and vectors for them: to measure how studybot does at a size.

Nothing that is measured on them depends on what they mean: only on how many there are, and on how common each word is.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from studybot.types import Encoder, Vectors

_SEED = 7
# The customary shape of notes: the numbers of a student's 6,283 lines.
STATEMENTS = 5
_WORDS = 12
_PASSAGES_IN_A_NOTE = 50


class SyntheticEncoder:
    """Gives every text a random vector of its own, under the name of a real encoder, which then encodes questions."""

    def __init__(self, real: Encoder) -> None:
        """Stand in for ``real``, whose tokens are counted as they are."""
        self.fingerprint = real.fingerprint
        self.dim = real.dim
        self.max_tokens = real.max_tokens
        self.damage = real.damage
        self.count_tokens = real.count_tokens

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit-length row for each text, shape ``(texts, dim)``: the same text, the same row."""
        rows = np.empty((len(texts), self.dim), np.float32)
        for row, text in zip(rows, texts, strict=True):
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
            row[:] = np.random.default_rng(seed).standard_normal(self.dim, np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows


def write_notes(folder: Path, passages: int, source: Path, statements: int = STATEMENTS) -> None:
    """Fill ``folder`` with notes of about ``passages`` passages, whose words are as common as those of ``source``.

    Each passage is a list of so many ``statements``. The same source gives the same notes.
    """
    counts = Counter(
        word for file in sorted(source.rglob("*.md")) for word in file.read_text("utf-8", "replace").split()
    )
    spoken = [(word, count) for word, count in sorted(counts.items()) if word.isalnum()]
    words, weights = [word for word, _ in spoken], list(accumulate(count for _, count in spoken))
    chance = random.Random(_SEED)
    folder.mkdir(parents=True)
    for start in range(0, passages, _PASSAGES_IN_A_NOTE):
        sections = min(_PASSAGES_IN_A_NOTE, passages - start)
        text = "\n".join(_section(chance, words, weights, statements) for _ in range(sections))
        (folder / f"{start // _PASSAGES_IN_A_NOTE:06}.md").write_text(text, "utf-8")


def _section(chance: random.Random, words: Sequence[str], weights: Sequence[int], statements: int) -> str:
    heading, *items = _lines(chance, words, weights, statements)
    return "\n".join([f"## {heading}", "", *(f"- {item}" for item in items), ""])


def _lines(chance: random.Random, words: Sequence[str], weights: Sequence[int], statements: int) -> Iterator[str]:
    for length in (3, *(chance.randint(_WORDS // 2, _WORDS * 3 // 2) for _ in range(statements))):
        yield " ".join(chance.choices(words, cum_weights=weights, k=length))
