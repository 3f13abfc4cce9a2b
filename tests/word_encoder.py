"""The one double: an encoder whose vectors are bags of words, so that like texts are near and no model is loaded."""

import re
import threading
import zlib
from collections.abc import Sequence

import numpy as np

from studybot.types import Vectors

_PATIENCE_S = 10


class WordEncoder:
    """Hashes each word of a text to one of ``dim`` numbers; the same on every machine. Counts what it was given."""

    fingerprint = "words:1"
    dim = 256
    max_tokens = 64

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit-length row for each text; a text without words is the first unit vector."""
        self.encoded.extend(texts)
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                row[zlib.crc32(word.encode()) % self.dim] += 1.0
            if not row.any():
                row[0] = 1.0
            row /= np.linalg.norm(row)
        return rows

    def damage(self) -> str | None:
        """Return None: there are no weights."""
        return None

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many words and marks each text has, one more for a word alone: none is known as a whole."""
        return [len(re.findall(r"\w+|[^\w\s]", text)) + bool(re.fullmatch(r"\w+", text)) for text in texts]


class HeldEncoder(WordEncoder):
    """Keeps texts in which ``word`` stands, of none all, until it may go on."""

    def __init__(self, word: str = "") -> None:
        super().__init__()
        self._word = word
        self.is_reached = threading.Event()
        self.may_go_on = threading.Event()

    def encode(self, texts: Sequence[str]) -> Vectors:
        if any(self._word in text for text in texts):
            self.is_reached.set()
            assert self.may_go_on.wait(_PATIENCE_S)
        return super().encode(texts)
