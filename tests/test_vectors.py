from pathlib import Path

import numpy as np
import pytest

from studybot.types import Vectors
from studybot.vectors import FILE, STAMP, Stamp, VectorIndex, cosines, packed, unpacked

NOW = Stamp("store", 3)


def some_vectors(count: int = 20, dim: int = 8) -> Vectors:
    rows = np.random.default_rng(7).normal(size=(count, dim)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def test_search_agrees_with_brute_force() -> None:
    vectors = some_vectors()
    found = VectorIndex.build(vectors, range(100, 120), NOW).search(vectors[2], top_k=5)

    cosines = vectors @ vectors[2]
    best_first = np.argsort(-cosines, kind="stable")[:5]
    assert [neighbour.row for neighbour in found] == (100 + best_first).tolist()
    assert [neighbour.score for neighbour in found] == pytest.approx(cosines[best_first].tolist(), abs=1e-6)


def test_equal_scores_keep_the_order_of_the_rows() -> None:
    vectors = np.repeat(some_vectors(1), 6, axis=0)
    found = VectorIndex.build(vectors, range(6), NOW).search(vectors[0], top_k=6)
    assert [neighbour.row for neighbour in found] == [0, 1, 2, 3, 4, 5]


def test_a_small_view_gives_fewer_than_top_k() -> None:
    vectors = some_vectors(3)
    assert len(VectorIndex.build(vectors, range(3), NOW).search(vectors[0], top_k=50)) == 3


def test_only_chosen_rows_are_found() -> None:
    vectors = some_vectors()
    found = VectorIndex.build(vectors, range(20), NOW).search(vectors[2], top_k=10, among={4, 9})
    assert {neighbour.row for neighbour in found} == {4, 9}


def test_an_empty_view_finds_nothing() -> None:
    view = VectorIndex.build(np.empty((0, 0), np.float32), [], NOW)
    assert view.search(some_vectors(1)[0], top_k=5) == []


@pytest.mark.parametrize(("top_k", "dim"), [(0, 8), (5, 7)])
def test_a_wrong_question_is_refused(top_k: int, dim: int) -> None:
    view = VectorIndex.build(some_vectors(), range(20), NOW)
    with pytest.raises(ValueError, match="wanted top_k >= 1"):
        view.search(np.ones(dim, np.float32), top_k)


def test_a_written_view_is_loaded_with_the_same_answers(tmp_path: Path) -> None:
    vectors = some_vectors()
    built = VectorIndex.build(vectors, range(20), NOW)
    built.write(tmp_path)

    loaded = VectorIndex.load(tmp_path, NOW)
    assert loaded is not None
    assert loaded.search(vectors[5], 7) == built.search(vectors[5], 7)


@pytest.mark.parametrize("stamp", [Stamp("store", 4), Stamp("another", 3)])
def test_a_view_of_another_state_is_not_loaded(tmp_path: Path, stamp: Stamp) -> None:
    VectorIndex.build(some_vectors(), range(20), NOW).write(tmp_path)
    assert VectorIndex.load(tmp_path, stamp) is None


@pytest.mark.parametrize("name", [FILE, STAMP])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"garbage"])
def test_a_damaged_view_is_not_loaded(tmp_path: Path, name: str, content: bytes | None) -> None:
    VectorIndex.build(some_vectors(), range(20), NOW).write(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    assert VectorIndex.load(tmp_path, NOW) is None


def test_a_truncated_view_is_not_loaded(tmp_path: Path) -> None:
    VectorIndex.build(some_vectors(), range(20), NOW).write(tmp_path)
    content = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(content[:-10])
    assert VectorIndex.load(tmp_path, NOW) is None


def test_cosines_of_packed_vectors_are_those_of_the_vectors_run_by_run() -> None:
    vectors = some_vectors(7)
    rows = packed(vectors)
    found = cosines([b"".join(rows[:1]), b"", b"".join(rows[1:])], vectors[3])
    assert [len(run) for run in found] == [1, 0, 6]
    assert np.concatenate(found) == pytest.approx(vectors @ vectors[3], abs=0.001)
    assert cosines([], vectors[3]) == []


def test_what_is_packed_is_unpacked_with_little_loss() -> None:
    vectors = some_vectors()
    assert np.abs(unpacked(packed(vectors)) - vectors).max() < 0.0005
    assert len(unpacked([])) == 0
