"""Questions over notes, with all that is found for them: what weights and confidence are learned from."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from studybot import evaluation
from studybot.bot import StudyBot
from studybot.fitted import Fusion
from studybot.questions import Question
from studybot.regression import Matrix
from studybot.types import Hit

PARTS = ("dense", "statement", "lexical")
"""The columns of ``Found.parts``."""


@dataclass(frozen=True, slots=True)
class Found:
    """The passages that may answer one question: shape ``(n, 3)``, and which of them are relevant."""

    parts: Matrix
    relevant: NDArray[np.bool_]


class Training:
    """Questions that their notes answer or nearly answer, and what is found there; every question is encoded once."""

    def __init__(self, bot: StudyBot, questions: Sequence[Question]) -> None:
        self.questions = [question for question in questions if question.answerable]
        self.near_misses = [question for question in questions if not question.answerable]
        self.bot = bot
        self._lookup = bot.lookup()
        self._query = cache(self._lookup.query)
        self.found = [self._found(question) for question in self.questions]

    def hits(self, question: str, fusion: Fusion, top_k: int) -> list[Hit]:
        """Return the ``top_k`` best passages, best first."""
        return self._lookup.hits(self._query(question), fusion, top_k)

    def unknown(self, question: str, hidden: Sequence[str] = ()) -> AbstractSet[str]:
        """Return the words of ``question`` that no passage has but for the ``hidden`` ones."""
        query = self._query(question)
        if not hidden:
            return query.unknown
        return {word for word, n in self._lookup.store.full_text.document_counts(query.words, hidden).items() if not n}

    def _found(self, question: Question) -> Found:
        # Whatever the weights in use are, every list is asked.
        every = replace(self.bot.fitted.fusion, dense=1.0, lexical=1.0)
        matches = self._lookup.matches(self._query(question.question), every)
        passages = self._lookup.store.passages([match.number for match in matches])
        return Found(
            np.array([[match.dense, match.statement, match.lexical] for match in matches]).reshape(-1, len(PARTS)),
            np.array([evaluation.is_relevant(passages[match.number], question) for match in matches], bool),
        )
