"""Where questions are looked up: an index, its FAISS view and its vocabulary, all of the same generation."""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from studybot.database import Database
from studybot.errors import IndexMismatch, IndexMissing
from studybot.fitted import Fusion
from studybot.indexing import pipeline_of, refresh_view
from studybot.reading import AS_TYPED, Vocabulary, read
from studybot.retrieval import Match, matches, retrieve
from studybot.store import Store
from studybot.types import Encoder, Hit, Vectors
from studybot.vectors import Stamp, VectorIndex


@dataclass(frozen=True, slots=True)
class Query:
    """A question as it is looked up: its words with their rarities, and its vector of shape ``(dim,)``.

    ``unknown`` are those of the words that no passage has, ``state`` is that of the store when it was read.
    """

    words: Mapping[str, float]
    unknown: frozenset[str]
    vector: Vectors
    state: tuple[str, int]


class Lookup:
    """An index that questions can be looked up in. Threads may share it; it follows what a sync commits."""

    def __init__(self, folder: Path, encoder: Encoder, notes_folder: Path | None = None) -> None:
        """Open the index in ``folder``, of the notes in ``notes_folder``, or of any.

        Raises:
            IndexMissing, IndexMismatch, IndexCorrupt: there is none, or none that can be read.
        """
        self.store = Store(Database(folder))
        self._encoder = encoder
        self._notes_folder = notes_folder.resolve() if notes_folder else None
        self._pipeline = pipeline_of(encoder)
        self._lock = threading.Lock()
        self._checked: tuple[str, int] | None = None
        self._view: VectorIndex | None = None
        self._vocabulary: tuple[tuple[str, int], Vocabulary] | None = None

    def close(self) -> None:
        """Let go of the index."""
        self.store.database.close()

    def check(self) -> None:
        """Make sure that the index says what was written into it, each time that a sync has changed it.

        Raises:
            IndexCorrupt: it does not.
        """
        with self.store.database.snapshot():
            state = self.store.state
            if state != self._checked:
                self.store.check()
                self._checked = state

    def warm_up(self) -> None:
        """Load what the first question would wait for."""
        self._encoder.encode(["warm up"])
        with self.store.database.snapshot():
            self._current_view()
            self._current_vocabulary(self.store.state)

    def query(self, question: str, *, as_typed: bool = False) -> Query:
        """Return how ``question`` is looked up: read by someone who knows the notes, or ``as_typed``.

        Raises:
            IndexMissing, IndexMismatch: nothing was indexed, or with another model or chunking, or other notes.
        """
        with self.store.database.snapshot():
            self._check()
            state = self.store.state
            vocabulary = AS_TYPED if as_typed else self._current_vocabulary(state)
            reading = read(question, vocabulary, self.store)
        return Query(reading.words, reading.unknown, self._encoder.encode([reading.text])[0], state)

    def hits(self, query: Query, fusion: Fusion, top_k: int, prefixes: Collection[str] | None = None) -> list[Hit]:
        """Return the ``top_k`` best passages, best first; see :func:`studybot.retrieval.retrieve`."""
        with self.store.database.snapshot():
            return retrieve(query.words, query.vector, self.store, self._current_view(), fusion, top_k, prefixes)

    def matches(self, query: Query, fusion: Fusion) -> list[Match]:
        """Return all passages that may answer, with what speaks for each; see :func:`studybot.retrieval.matches`."""
        with self.store.database.snapshot():
            return matches(query.words, query.vector, self.store, self._current_view(), fusion)

    def _check(self) -> None:
        built_with = self.store.pipeline
        folder = self.store.database.folder
        if built_with is None:
            raise IndexMissing(f"the index in {folder} is empty; run `studybot index NOTES`")
        if built_with != self._pipeline:
            raise IndexMismatch(
                f"the index in {folder} is of {built_with}, wanted {self._pipeline}; run `studybot index`"
            )
        indexed = self.store.notes_folder
        if self._notes_folder not in (None, indexed):
            raise IndexMismatch(
                f"the index in {folder} is of the notes in {indexed}, wanted {self._notes_folder}; run `studybot index`"
            )

    def _current_view(self) -> VectorIndex:
        with self._lock:
            if self._view is None or self._view.stamp != Stamp(*self.store.state):
                self._view = refresh_view(self.store)
            return self._view

    def _current_vocabulary(self, state: tuple[str, int]) -> Vocabulary:
        with self._lock:
            if self._vocabulary is None or self._vocabulary[0] != state:
                self._vocabulary = state, Vocabulary.of(self.store, self._encoder.count_tokens)
            return self._vocabulary[1]
