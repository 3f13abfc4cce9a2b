from collections import Counter
from pathlib import Path

import pytest

from studybot import tuning
from studybot.encoding import BASE, SentenceEncoder, load_model
from studybot.pairs import Kind, Pair
from studybot.tuning import COURSES, Row, tune

FIRST = COURSES["first"]


def batches(collections: list[list[Pair]]) -> dict[Kind, list[list[Row]]]:
    return tuning.batches(collections, FIRST.times)


def pair(n: int, *, subject: str = "s", words: int = 1, is_weak: bool = False, kind: str = "passage") -> Pair:
    others = tuple(f"{subject} other {n} {m}" for m in range(5))
    return Pair(
        "statement" if kind == "statement" else "passage", f"{subject} {n}?", "word " * words + f"{n}", others, is_weak
    )


def test_a_batch_is_full_and_of_one_collection() -> None:
    made = batches([[pair(n, subject="a") for n in range(64)], [pair(n + 100, subject="b") for n in range(64)]])
    assert [len(batch) for batch in made["passage"]] == [32] * len(made["passage"])
    subjects = [Counter(question[0] for question, *_ in batch) for batch in made["passage"]]
    assert all(len(subject) == 1 for subject in subjects)
    assert {next(iter(subject)) for subject in subjects} == {"a", "b"}


def test_a_batch_is_of_texts_of_like_length() -> None:
    made = batches([[pair(n, words=1 + 50 * (n % 2)) for n in range(64)]])
    assert all(len({len(answer) > 100 for _, answer, *_ in batch}) == 1 for batch in made["passage"])


def test_no_text_stands_twice_in_a_batch() -> None:
    # Each question has two passages that answer it.
    twice = [pair(n // 2, words=1 + n % 2) for n in range(128)]
    for batch in batches([twice])["passage"]:
        texts = [text for row in batch for text in row]
        assert len(texts) == len(set(texts))


def test_a_pair_is_seen_with_other_negatives_each_time_and_a_weak_one_less_often() -> None:
    known = batches([[pair(n, kind="statement") for n in range(32)]])["statement"]
    weak = batches([[pair(n, kind="statement", is_weak=True) for n in range(32)]])["statement"]
    assert len(known) > len(weak) > 0
    assert len({row for batch in known for row in batch}) > 32


def test_the_same_pairs_give_the_same_batches() -> None:
    pairs = [pair(n) for n in range(100)]
    assert batches([pairs]) == batches([pairs])


def test_a_tuned_model_is_an_encoder_that_is_nearer_to_what_it_was_taught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "_BATCH", 4)
    colours = ("red", "green", "blue", "yellow", "black", "white", "brown", "violet")
    # The first step of all learns nothing: the rate rises from 0.
    taught = [
        Pair("passage", f"glorp {colour}", f"The {colour} shelf.", (f"The {colour} cellar.",), is_weak=False)
        for colour in colours
    ]
    tune([taught], Path(BASE), tmp_path / "tuned", FIRST)
    assert SentenceEncoder(tmp_path / "tuned").fingerprint.startswith("tuned:")
    assert (tmp_path / "tuned" / "model.safetensors").stat().st_size < 50_000_000

    def margin(folder: Path) -> float:
        texts = ["glorp red", "The red shelf.", "The red cellar."]
        question, right, wrong = load_model(folder).encode(texts, normalize_embeddings=True)
        return float(question @ right - question @ wrong)

    assert margin(tmp_path / "tuned") > margin(SentenceEncoder(Path(BASE)).folder)
    # A second course goes on from there.
    tune([taught], tmp_path / "tuned", tmp_path / "again", COURSES["further"])
    assert margin(tmp_path / "again") > margin(tmp_path / "tuned")
