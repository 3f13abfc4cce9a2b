from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import log
from pathlib import Path

import pytest

from studybot.bot import StudyBot
from studybot.database import Database
from studybot.fulltext import FIELDS, FullText, rarity
from studybot.types import Passage

EVEN = dict.fromkeys(FIELDS, 1.0)
HEADINGS = ("Europe", "Rivers")


def passage(text: str, heading: tuple[str, ...] = HEADINGS, note: str = "geo/notes.md", context: str = "") -> Passage:
    return Passage(f"{note}{text}", note, heading, text, 0, 1, 1, (), context)


Filled = Callable[..., FullText]


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Filled]:
    """Return what makes an index of passages that are numbered from 1."""
    database = Database(tmp_path / "words", write=True)

    def fill(*passages: Passage) -> FullText:
        full_text = FullText(database)
        with database.transaction():
            for number, one in enumerate(passages, 1):
                full_text.add(number, one)
        return full_text

    yield fill
    database.close()


# So that a word that is in two of them is in few.
OTHERS = [passage(text, ("Other",), "other.md") for text in ("alpha", "beta", "gamma", "delta", "epsilon")]


def test_each_field_counts_by_its_weight(filled: Filled) -> None:
    full_text = filled(
        passage("Danube", ("Water", "Rivers")),
        passage("rivers", ("Water", "Danube")),
        passage("rivers", ("Danube", "Water")),
        *OTHERS,
    )
    for first, field in enumerate(("body", "title", "path"), 1):
        found = full_text.matches(["danube"], {**EVEN, field: 9.0}, depth=9)
        # Two are equal then, and stay in order.
        assert list(found) == [first, *(number for number in (1, 2, 3) if number != first)]
        scores = list(found.values())
        assert scores[0] > scores[1] == scores[2] > 0
        # A field without weight counts nothing.
        assert full_text.matches(["danube"], {**EVEN, field: 0.0}, depth=9)[first] == 0.0


@pytest.mark.parametrize(
    ("heading", "note", "title", "path"),
    [
        (("Europe", "Rivers"), "geo/river list.md", "river", "europe geo river list"),
        ((), "geo/list.md", "list", "geo list"),
        (("Top",), "v1.2.txt", "top", "v1 2"),
    ],
)
def test_a_passage_is_found_by_its_headings_and_its_note(
    filled: Filled, heading: tuple[str, ...], note: str, title: str, path: str
) -> None:
    full_text = filled(passage("text", heading, note, context="| Length |"), *OTHERS)
    fields = {"title": title, "path": path, "body": "text length"}
    for word in "europe geo river list top v1 2 text length md txt".split():
        for field, words in fields.items():
            only = {name: float(name == field) for name in FIELDS}
            is_found = full_text.matches([word], only, depth=9).get(1, 0.0) > 0
            assert is_found is (word in words.split())


def bm25(texts: Sequence[Mapping[str, str]], terms: Sequence[str], weights: Mapping[str, float]) -> dict[int, float]:
    """Score as SQLite's documentation of FTS5 says, with k1 = 1.2 and b = 0.75."""
    counts = [{field: Counter(text[field].split()) for field in FIELDS} for text in texts]
    lengths = [sum(words.total() for words in fields.values()) for fields in counts]
    mean_length = sum(lengths) / len(lengths)
    scores: dict[int, float] = {}
    for term in terms:
        holders = sum(any(words[term] for words in fields.values()) for fields in counts)
        rarity = max(log((len(texts) - holders + 0.5) / (holders + 0.5)), 1e-6)
        for number, (fields, length) in enumerate(zip(counts, lengths, strict=True), 1):
            frequency = sum(weights[field] * words[term] for field, words in fields.items())
            if frequency:
                share = frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * length / mean_length))
                scores[number] = scores.get(number, 0.0) + rarity * share
    return scores


def test_scores_are_bm25(filled: Filled) -> None:
    texts = [
        {"title": "red", "path": "blue n", "body": "red red green"},
        {"title": "blue", "path": "blue n", "body": "green"},
        {"title": "grey", "path": "grey n", "body": "red blue grey grey grey grey"},
        {"title": "grey", "path": "grey n", "body": "grey"},
        {"title": "white", "path": "grey n", "body": "white"},
    ]
    full_text = filled(*(passage(t["body"], (t["path"].split()[0], t["title"]), "n.md") for t in texts))
    weights = {"title": 4.0, "path": 3.0, "body": 1.5}
    for terms in (["red"], ["green"], ["red", "blue"], ["grey", "white", "purple"]):
        expected = bm25(texts, terms, weights)
        found = full_text.matches(terms, weights, depth=9)
        assert found == pytest.approx(expected, rel=1e-9)
        assert list(found.values()) == sorted(found.values(), reverse=True)
        best = max(expected, key=lambda number: expected[number])
        assert list(full_text.matches(terms, weights, depth=1)) == [best]


def test_among_given_passages_the_best_of_them_are_found_with_the_same_scores(filled: Filled) -> None:
    full_text = filled(*(passage("river " + "long " * length) for length in range(9)), *OTHERS * 4)
    everywhere = full_text.matches(["river"], EVEN, depth=9)
    assert list(everywhere) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert full_text.matches(["river"], EVEN, depth=2, among={8, 10, 5, 9}) == {5: everywhere[5], 8: everywhere[8]}
    assert full_text.matches(["river"], EVEN, depth=9, among=range(1, 40_000)) == everywhere
    assert full_text.matches(["river"], EVEN, depth=9, among={10}) == {}
    assert full_text.matches(["river"], EVEN, depth=9, among=()) == {}


def test_a_word_is_found_in_any_of_its_forms(filled: Filled) -> None:
    full_text = filled(passage("Running rivers connected Élan"), *OTHERS)
    for word in ("run", "runs", "RIVER", "connections", "elan"):
        assert list(full_text.matches([word], EVEN, depth=9)) == [1]
    assert full_text.matches(["running"], EVEN, depth=9) == full_text.matches(["runs"], EVEN, depth=9)
    assert full_text.matches(["runner"], EVEN, depth=9) == {}


def test_what_is_no_word_finds_nothing(filled: Filled) -> None:
    full_text = filled(passage("or near"), *OTHERS)
    assert full_text.matches([], EVEN, depth=9) == {}
    assert full_text.matches(['"', "*", "-"], EVEN, depth=9) == {}
    # Words of FTS5's own language are words here.
    assert list(full_text.matches(["OR", "NEAR", "NOT"], EVEN, depth=9)) == [1]
    assert full_text.matches(["body:near"], EVEN, depth=9) == {}


def test_passages_are_counted_that_hold_a_word_in_any_form(filled: Filled) -> None:
    full_text = filled(
        passage("connected connections"), passage("connection", ("Top",)), passage("none", ("Connecting",))
    )
    counts = full_text.document_counts(["connect", "rivers", "missing", "connects"])
    assert counts == {"connect": 3, "rivers": 1, "missing": 0, "connects": 3}
    assert full_text.document_counts([]) == {}
    assert full_text.count() == 3


def test_a_word_is_rare_that_few_passages_hold() -> None:
    assert rarity(1, 8) == pytest.approx(log(7.5 / 1.5))
    assert rarity(8, 8) == rarity(5, 8) == pytest.approx(1e-6)
    assert rarity(0, 8) > rarity(1, 8)


def test_spellings_are_every_word_as_it_is_written(filled: Filled) -> None:
    full_text = filled(passage("Rivers, **run-ning**: rivers 25", ("Élan",), "b/notes.md", context="| Size |"))
    assert full_text.spellings() == {"rivers", "run", "ning", "25", "élan", "b", "notes", "size"}


def test_what_a_note_says_no_more_is_not_found(bot: StudyBot, notes: Path) -> None:
    database = Database(bot.settings.index)
    full_text = FullText(database)
    assert full_text.document_counts(["executed", "atp"]) == {"executed": 1, "atp": 1}
    assert "executed" in full_text.spellings()

    (notes / "kings.md").write_text("# Kings\n\nHis brother became king in 1814.\n", encoding="utf-8")
    bot.sync()
    assert full_text.document_counts(["executed", "brother"]) == {"executed": 0, "brother": 1}
    assert full_text.count() == 4
    assert full_text.matches(["executed"], EVEN, depth=9) == {}

    (notes / "kings.md").unlink()
    bot.sync()
    assert full_text.document_counts(["brother", "king", "atp"]) == {"brother": 0, "king": 0, "atp": 1}
    assert full_text.count() == 3
    assert full_text.matches(["brother", "king"], EVEN, depth=9) == {}
    assert {"executed", "brother", "king", "1814"}.isdisjoint(full_text.spellings())
    database.close()
