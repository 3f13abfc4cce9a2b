"""A FAISS view over the passages' vectors, and its file. The store is the truth: a view can always be built anew."""

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studybot import files
from studybot.types import Vectors

FILE = "passages.faiss"
STAMP = "passages.json"
EXACT = 200_000
"""Up to how many rows a question is compared with every one as it is; with more, first with a short code of each."""

_AHEAD = 400
_LEARNED_FROM = 5_000
_AT_ONCE = 10_000

Read = Callable[[Sequence[int]], Vectors]
"""Gives the vectors that go by the given numbers, in their order, shape ``(numbers, dim)``."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A passage's number in the store and its cosine with the question."""

    row: int
    score: float


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which state of a store a view was built from: its name and its generation."""

    store: str
    generation: int


class VectorIndex:
    """Search by inner product over unit-length rows, which is their cosine.

    Up to ``EXACT`` rows it is exact. Of more the view holds codes, of half a byte for two numbers of a row; the rows
    whose codes are nearest are read and compared. Of the 50 nearest of 187,000 vectors of documentation, that finds
    99.9 % (200 questions over it), and 99.7 % where a million were made of them by moving each a little. In an IVF
    index a quarter of all cells has to be searched to find 99.2 % of the former.
    """

    def __init__(
        self, index: Any, stamp: Stamp, read: Read | None = None, content: NDArray[np.uint8] | None = None
    ) -> None:
        self._index = index
        self._read = read
        # Of a view that was loaded: FAISS reads the rows where they lie.
        self._content = content
        self.stamp = stamp

    @classmethod
    def build(cls, vectors: Vectors, rows: Sequence[int], stamp: Stamp) -> "VectorIndex":
        """Return a view over ``vectors``, shape ``(n, dim)``; ``rows[i]`` is the number that ``vectors[i]`` goes by."""
        places = {row: place for place, row in enumerate(rows)}
        return cls.gather(rows, lambda some: vectors[[places[row] for row in some]], stamp)

    @classmethod
    def gather(cls, rows: Sequence[int], read: Read, stamp: Stamp, exact: int = EXACT) -> "VectorIndex":
        """Return a view over the vectors of ``rows``, read some thousands at a time."""
        import faiss

        dim = max(1, read(rows[:1]).shape[1])
        index: Any
        if len(rows) <= exact:
            index = faiss.IndexFlatIP(dim)
        else:
            index = faiss.index_factory(dim, f"PQ{dim // 2}x4fs", faiss.METRIC_INNER_PRODUCT)
            sample = read(rows[:: 1 + len(rows) // _LEARNED_FROM])
            # Hundreds of small clusterings: threads that wait for each other take three to ten times as long.
            threads = faiss.omp_get_max_threads()
            faiss.omp_set_num_threads(1)
            index.train(sample)
            faiss.omp_set_num_threads(threads)
        index = faiss.IndexIDMap(index)
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            index.add_with_ids(np.ascontiguousarray(read(some), np.float32), np.asarray(some, np.int64))
        return cls(index, stamp, read)

    @classmethod
    def load(cls, folder: Path, stamp: Stamp, read: Read | None = None) -> "VectorIndex | None":
        """Return the view written to ``folder``, or None where it is missing, damaged or of another state.

        One of more than ``EXACT`` rows has to ``read`` those that it compares.
        """
        try:
            written = json.loads((folder / STAMP).read_text(encoding="utf-8"))
            sha256 = written.pop("sha256")
            # One of another state need not be read.
            content = np.fromfile(folder / FILE, np.uint8) if written == asdict(stamp) else np.empty(0, np.uint8)
        except (OSError, ValueError, AttributeError, KeyError, TypeError):
            return None
        if not content.size or hashlib.sha256(content.data).hexdigest() != sha256:
            return None
        import faiss

        # Its types leave readers and writers out.
        library: Any = faiss
        index = faiss.read_index(library.ZeroCopyIOReader(faiss.swig_ptr(content), content.size))
        return cls(index, stamp, read, content)

    def write(self, folder: Path) -> None:
        """Write the view to ``folder``: first the vectors, then the stamp that vouches for them.

        Raises:
            OSError: the folder cannot be written to; an older view may be gone then, which costs a rebuild.
        """
        import faiss

        stream = BytesIO()
        library: Any = faiss
        library.write_index(self._index, library.PyCallbackIOWriter(stream.write))
        content = stream.getvalue()
        stamp = {**asdict(self.stamp), "sha256": hashlib.sha256(content).hexdigest()}
        files.replace(folder / FILE, content)
        files.replace(folder / STAMP, (json.dumps(stamp) + "\n").encode())

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(self, query: Vectors, top_k: int, among: Collection[int] | None = None) -> list[Neighbour]:
        """Return the passages nearest to ``query``, best first.

        ``query`` is one unit-length float32 row of shape ``(dim,)``. Scores are cosines in [-1, 1]; equal scores keep
        the order of the rows. A small view gives fewer than ``top_k``; with ``among`` only those rows are looked at,
        and all of them are compared.

        Raises:
            ValueError: ``top_k`` is below 1, or ``query`` has another shape than ``(dim,)``.
        """
        if top_k < 1 or (len(self) and query.shape != (self._index.d,)):
            raise ValueError(f"wanted top_k >= 1 and shape ({self._index.d},), found {top_k} and {query.shape}")
        if len(self) == 0 or (among is not None and not among):
            return []
        import faiss

        if not isinstance(faiss.downcast_index(self._index.index), faiss.IndexFlat):
            return self._compared(query, top_k, among)
        # Named, as FAISS does not keep it alive.
        selector = None if among is None else faiss.IDSelectorBatch(np.fromiter(among, np.int64, len(among)))
        parameters = faiss.SearchParameters()
        parameters.sel = selector
        scores: NDArray[np.float32]
        rows: NDArray[np.int64]
        scores, rows = self._index.search(query[None, :], min(top_k, len(self)), params=parameters)
        # FAISS returns equal scores in reverse row order, and pads with row -1 what a selector left out.
        found = [Neighbour(int(row), float(score)) for score, row in zip(scores[0], rows[0], strict=True) if row >= 0]
        return sorted(found, key=lambda neighbour: (-neighbour.score, neighbour.row))

    def _compared(self, query: Vectors, top_k: int, among: Collection[int] | None) -> list[Neighbour]:
        """Return the nearest of those whose codes are, or of ``among``: their vectors are read."""
        if self._read is None:
            raise ValueError(f"a view of {len(self):,} rows was loaded without what reads them")
        if among is None:
            found: NDArray[np.int64] = self._index.search(query[None, :], min(max(top_k, _AHEAD), len(self)))[1][0]
            # It is padded where FAISS leaves out the farthest.
            rows = found[found >= 0]
        else:
            rows = np.fromiter(among, np.int64, len(among))
        scores = np.concatenate(
            [self._read(rows[start : start + _AT_ONCE].tolist()) @ query for start in range(0, len(rows), _AT_ONCE)]
        )
        best = np.lexsort((rows, -scores))[:top_k]
        return [Neighbour(int(rows[place]), float(scores[place])) for place in best]


def packed(vectors: Vectors) -> list[bytes]:
    """Return each of ``vectors``, unit-length rows of shape ``(n, dim)``, in half precision: errors below 0.0005."""
    return [row.tobytes() for row in vectors.astype(np.float16)]


def unpacked(rows: Sequence[bytes]) -> Vectors:
    """Return what was :func:`packed`, shape ``(rows, dim)``."""
    if not rows:
        return np.empty((0, 0), np.float32)
    return np.frombuffer(b"".join(rows), np.float16).reshape(len(rows), -1).astype(np.float32)


def cosines(runs: Sequence[bytes], query: Vectors) -> list[list[float]]:
    """Return for each of ``runs``, which are packed vectors one after another, their cosines with ``query``.

    ``query`` is one unit-length float32 row of shape ``(dim,)``. FAISS reads half precision as it is: for the 1,150
    vectors of a question it takes an eighth of the time that unpacking them does.
    """
    import faiss

    codes = np.frombuffer(b"".join(runs), np.uint8).reshape(-1, 2 * query.size)
    index = faiss.IndexScalarQuantizer(query.size, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    index.add_sa_codes(codes)
    scores, rows = index.search(query[None, :], len(codes)) if len(codes) else (np.empty((1, 0)), np.empty((1, 0), int))
    found = np.empty(len(codes), np.float32)
    found[rows[0]] = scores[0]
    values = iter(found.tolist())
    return [list(islice(values, len(run) // (2 * query.size))) for run in runs]
