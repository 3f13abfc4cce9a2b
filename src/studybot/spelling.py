"""How the notes spell their words, to tell what a misspelled one is meant to be."""

from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from rapidfuzz import process
from rapidfuzz.distance import OSA

from studybot import files
from studybot.fulltext import FullText
from studybot.seals import seal
from studybot.types import CountTokens

FILE = "spellings.txt"

# Shorter words have too many neighbours; longer ones may have two letters wrong.
_SHORTEST = 4
_LONG = 8


class Spellings:
    """The words of the notes; read when the first word is looked for, as most questions need none of them."""

    def __init__(
        self, full_text: FullText, count_tokens: CountTokens, folder: Path | None = None, noted: str = ""
    ) -> None:
        """Read nothing yet. ``count_tokens`` is the encoder's.

        With a ``folder`` the words are kept in a file there, under what is ``noted`` of the text that they are of.
        """
        self._full_text = full_text
        self._count_tokens = count_tokens
        self._folder = folder
        self._noted = noted

    def meant_by(self, word: str) -> str | None:
        """Return the word of the notes that ``word``, which they do not have, is likely to be meant for, or None.

        It begins with the same letter, as misspelled words nearly always do, and differs in one letter, or two of a
        long word; a letter more, a letter less and two letters swapped are one. The nearest is taken, of several the
        one that most passages hold. Numbers are never taken for others, nor words that are spelled right: those that
        are a single token of the encoder. (Of 437 words in training questions that only notes on other subjects have,
        174 would be taken for another one without that; so, 6.)
        """
        if len(word) < _SHORTEST or not word.isalpha() or self._count_tokens([word]) == [1]:
            return None
        wrong = 1 if len(word) < _LONG else 2
        near = [
            spelling
            for length in range(len(word) - wrong, len(word) + wrong + 1)
            for spelling in self._by_shape.get((word[0], length), ())
        ]
        found = process.extract(word, near, scorer=OSA.distance, score_cutoff=wrong, limit=None)
        if not found:
            return None
        nearest = sorted(spelling for spelling, distance, _ in found if distance == found[0][1])
        counts = self._full_text.document_counts(nearest)
        return max(counts, key=counts.__getitem__)

    @cached_property
    def _by_shape(self) -> dict[tuple[str, int], list[str]]:
        """The words by first letter and length: comparing with one in twenty takes a twentieth of the time."""
        shapes = defaultdict(list)
        for word in self._words():
            shapes[word[0], len(word)].append(word)
        return dict(shapes)

    def _words(self) -> Collection[str]:
        """Return every word of the notes; cutting the text of 145,000 passages into words takes 5 s, their file 0.1."""
        if self._folder is None or not self._noted:
            return self._full_text.spellings()
        file = self._folder / FILE
        # One that is missing, damaged or of another text costs the time to make it anew.
        with suppress(OSError, ValueError):
            mark, text = file.read_text("utf-8").split("\n", 1)
            if mark == f"{self._noted} {seal(text)}":
                return text.split()
        words = self._full_text.spellings()
        text = " ".join(sorted(words))
        with suppress(OSError):
            files.replace(file, f"{self._noted} {seal(text)}\n{text}".encode())
        return words
