"""Views of so many passages that a question is first compared with a short code of each."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from studybot.bot import StudyBot
from studybot.database import Database
from studybot.store import Store
from studybot.types import Vectors
from studybot.vectors import FILE, Read, Stamp, VectorIndex

NOW = Stamp("store", 3)
ROWS = range(100, 9_100)


def some_vectors() -> Vectors:
    """Return vectors of 300 subjects, as texts have them."""
    chance = np.random.default_rng(7)
    rows = np.repeat(chance.normal(size=(300, 64)), 30, axis=0) + 0.5 * chance.normal(size=(9_000, 64))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return some_vectors()


@pytest.fixture(scope="module")
def read(vectors: Vectors) -> Read:
    return lambda rows: vectors[[row - ROWS.start for row in rows]]


@pytest.fixture(scope="module")
def view(read: Read) -> VectorIndex:
    return VectorIndex.gather(ROWS, read, NOW, exact=1_000)


def test_the_nearest_are_found_with_their_cosines(vectors: Vectors, view: VectorIndex) -> None:
    exact = VectorIndex.build(vectors, ROWS, NOW)
    shares = []
    for query in vectors[::90]:
        found, expected = ({one.row: one.score for one in some.search(query, 50)} for some in (view, exact))
        both = found.keys() & expected.keys()
        assert [found[row] for row in both] == pytest.approx([expected[row] for row in both], abs=1e-6)
        shares.append(len(both) / 50)
    assert np.mean(shares) > 0.99
    assert [one.row for one in view.search(vectors[90], 1)] == [190]


def test_of_chosen_rows_all_are_compared(vectors: Vectors, view: VectorIndex) -> None:
    chosen = set(ROWS[::3])
    exact = VectorIndex.build(vectors, ROWS, NOW)
    for query in vectors[:20]:
        found, expected = (one.search(query, 1_500, among=chosen) for one in (view, exact))
        assert {one.row for one in found} == {one.row for one in expected}
        assert [one.score for one in found] == pytest.approx([one.score for one in expected], abs=1e-6)
    assert view.search(vectors[0], 5, among=[]) == []


def test_equal_scores_keep_the_order_of_the_rows() -> None:
    same = np.repeat(some_vectors()[:1], 2_000, axis=0)
    found = VectorIndex.gather(range(2_000), lambda rows: same[list(rows)], NOW, exact=100).search(
        same[0], 1_500, range(2_000)
    )
    assert [neighbour.row for neighbour in found] == list(range(1_500))


def test_more_than_are_compared_otherwise_can_be_asked_for(vectors: Vectors, view: VectorIndex) -> None:
    assert len(view.search(vectors[0], 2_000)) == 2_000


@pytest.mark.parametrize("exact", [100, 100_000])
def test_vectors_are_read_a_few_at_a_time(vectors: Vectors, exact: int) -> None:
    wanted: list[int] = []

    def read(rows: Sequence[int]) -> Vectors:
        wanted.append(len(rows))
        return vectors[[row % len(vectors) for row in rows]]

    assert len(VectorIndex.gather(range(45_000), read, NOW, exact)) == 45_000
    assert wanted[-5:] == [10_000, 10_000, 10_000, 10_000, 5_000]
    assert sum(wanted[:-5]) <= 5_001


def test_a_written_view_holds_codes_and_is_loaded_with_the_same_answers(
    tmp_path: Path, vectors: Vectors, read: Read, view: VectorIndex
) -> None:
    view.write(tmp_path)
    # 16 bytes of code and 8 of number for a row, and what decodes them.
    assert (tmp_path / FILE).stat().st_size < 9_000 * (16 + 8) + 10_000
    loaded = VectorIndex.load(tmp_path, NOW, read)
    assert loaded is not None
    for among in (None, set(ROWS[:500])):
        assert [loaded.search(query, 60, among) for query in vectors[:20]] == [
            view.search(query, 60, among) for query in vectors[:20]
        ]


def test_a_view_that_was_loaded_without_its_rows_cannot_be_searched(
    tmp_path: Path, vectors: Vectors, view: VectorIndex
) -> None:
    view.write(tmp_path)
    loaded = VectorIndex.load(tmp_path, NOW)
    assert loaded is not None
    with pytest.raises(ValueError, match="a view of 9,000 rows was loaded without what reads them"):
        loaded.search(vectors[0], 5)


@pytest.mark.parametrize("place", [0, 60, 100_000, -1])
def test_a_damaged_view_is_not_loaded(tmp_path: Path, view: VectorIndex, place: int) -> None:
    view.write(tmp_path)
    content = bytearray((tmp_path / FILE).read_bytes())
    content[place] ^= 1
    (tmp_path / FILE).write_bytes(content)
    assert VectorIndex.load(tmp_path, NOW) is None


def test_a_view_of_codes_reads_the_vectors_from_the_store(make_bot: Callable[..., StudyBot], notes: Path) -> None:
    years = "\n".join(f"## {year}\n\nIn {year} a king was crowned.\n" for year in range(1100, 1740))
    (notes / "years.md").write_text(years, encoding="utf-8")
    bot = make_bot()
    bot.sync()
    questions = ["Who was executed in 1793?", "What makes ATP in a cell?"]
    expected = [bot.ask(question).hits for question in questions]
    inside = [bot.ask(question, prefixes=["biology/"]).hits for question in questions]
    bot.close()
    store = Store(Database(bot.settings.index))
    state = Stamp(*store.state)
    VectorIndex.gather(store.numbers(), store.vectors, state, exact=1).write(bot.settings.index)
    assert VectorIndex.load(bot.settings.index, state) is not None
    other = make_bot()
    assert [other.ask(question).hits for question in questions] == expected
    assert [other.ask(question, prefixes=["biology/"]).hits for question in questions] == inside
    assert set(other.examine().values()) == {None}
