"""A FAISS view over the passages' vectors, and its file. The store is the truth: a view can always be built anew."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studybot import files
from studybot.types import Vectors

FILE = "passages.faiss"
STAMP = "passages.json"


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
    """Exact search by inner product over unit-length rows, which is their cosine."""

    def __init__(self, index: Any, stamp: Stamp) -> None:
        self._index = index
        self.stamp = stamp

    @classmethod
    def build(cls, vectors: Vectors, rows: Sequence[int], stamp: Stamp) -> "VectorIndex":
        """Return a view over ``vectors``, shape ``(n, dim)``; ``rows[i]`` is the number that ``vectors[i]`` goes by."""
        import faiss

        index = faiss.IndexIDMap(faiss.IndexFlatIP(max(1, vectors.shape[1])))
        if rows:
            index.add_with_ids(np.ascontiguousarray(vectors, np.float32), np.asarray(rows, np.int64))
        return cls(index, stamp)

    @classmethod
    def load(cls, folder: Path, stamp: Stamp) -> "VectorIndex | None":
        """Return the view written to ``folder``, or None where it is missing, damaged or of another state."""
        try:
            written = json.loads((folder / STAMP).read_text(encoding="utf-8"))
            sha256 = written.pop("sha256")
            # One of another state need not be read.
            content = (folder / FILE).read_bytes() if written == asdict(stamp) else b""
        except (OSError, ValueError, AttributeError, KeyError, TypeError):
            return None
        if not content or hashlib.sha256(content).hexdigest() != sha256:
            return None
        import faiss

        return cls(faiss.deserialize_index(np.frombuffer(content, np.uint8)), stamp)

    def write(self, folder: Path) -> None:
        """Write the view to ``folder``: first the vectors, then the stamp that vouches for them.

        Raises:
            OSError: the folder cannot be written to; an older view may be gone then, which costs a rebuild.
        """
        import faiss

        content = faiss.serialize_index(self._index).tobytes()
        stamp = {**asdict(self.stamp), "sha256": hashlib.sha256(content).hexdigest()}
        files.replace(folder / FILE, content)
        files.replace(folder / STAMP, (json.dumps(stamp) + "\n").encode())

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def search(self, query: Vectors, top_k: int, among: Collection[int] | None = None) -> list[Neighbour]:
        """Return the passages nearest to ``query``, best first.

        ``query`` is one unit-length float32 row of shape ``(dim,)``. Scores are cosines in [-1, 1]; equal scores keep
        the order of the rows. A small view gives fewer than ``top_k``; with ``among`` only those rows are looked at.

        Raises:
            ValueError: ``top_k`` is below 1, or ``query`` has another shape than ``(dim,)``.
        """
        if top_k < 1 or (len(self) and query.shape != (self._index.d,)):
            raise ValueError(f"wanted top_k >= 1 and shape ({self._index.d},), found {top_k} and {query.shape}")
        if len(self) == 0 or (among is not None and not among):
            return []
        import faiss

        parameters = None
        if among is not None:
            parameters = faiss.SearchParameters()
            parameters.sel = faiss.IDSelectorBatch(np.fromiter(among, np.int64, len(among)))
        scores: NDArray[np.float32]
        rows: NDArray[np.int64]
        scores, rows = self._index.search(query[None, :], min(top_k, len(self)), params=parameters)
        # FAISS returns equal scores in reverse row order, and pads with row -1 what a selector left out.
        found = [Neighbour(int(row), float(score)) for score, row in zip(scores[0], rows[0], strict=True) if row >= 0]
        return sorted(found, key=lambda neighbour: (-neighbour.score, neighbour.row))


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
