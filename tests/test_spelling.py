import random
import string
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from studybot.database import Database
from studybot.fulltext import FullText
from studybot.spelling import Spellings
from studybot.types import Passage

KNOWN = {"caching", "hosted"}

Spell = Callable[..., Spellings]


def count_tokens(texts: Sequence[str]) -> list[int]:
    """Count as an encoder does that has few words whole and all others in two tokens."""
    return [1 if text in KNOWN else 2 for text in texts]


@pytest.fixture
def spell(tmp_path: Path) -> Iterator[Spell]:
    """Return what makes the spellings of notes that say the given texts."""
    database = Database(tmp_path, write=True)

    def fill(*texts: str) -> Spellings:
        full_text = FullText(database)
        with database.transaction():
            for number, text in enumerate(texts, 1):
                full_text.add(number, Passage(str(number), "n.md", (), text, 0, 1, 1, ()))
        return Spellings(full_text, count_tokens)

    yield fill
    database.close()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("mitochondira", "mitochondria"),
        ("smoooth", "smooth"),
        ("smoth", "smooth"),
        # At its end, too, where the full-text index keeps no more of the word than "replic".
        ("replicaiton", "replication"),
        ("replicatoin", "replication"),
        # Two letters in a long word only, one in a short one, none in a shorter one.
        ("mitokhondrja", "mitochondria"),
        ("smuut", None),
        ("sno", None),
        ("quarks", None),
    ],
)
def test_a_misspelled_word_is_taken_for_the_nearest_of_the_notes(spell: Spell, typed: str, meant: str | None) -> None:
    assert spell("Mitochondria are smooth.", "The son of *replication*").meant_by(typed) == meant


@pytest.mark.parametrize(
    ("texts", "meant"),
    [(["welt", "wealth", "wealth"], "wealth"), (["wealth", "welt", "welt"], "welt"), (["welt", "wealth"], "wealth")],
)
def test_of_equally_near_words_the_one_in_most_passages_is_taken(spell: Spell, texts: list[str], meant: str) -> None:
    assert spell(*texts).meant_by("welth") == meant


def test_a_word_that_is_spelled_right_is_taken_for_no_other(spell: Spell) -> None:
    spellings = spell("catching and posted, hoisted")
    assert spellings.meant_by("caching") is None
    assert spellings.meant_by("hosted") is None
    assert spellings.meant_by("hoisteg") == "hoisted"


def test_a_number_is_taken_for_no_other(spell: Spell) -> None:
    spellings = spell("in 1793 and 10000000 of type t2micro5")
    assert [spellings.meant_by(word) for word in ("1794", "10000001", "t3micro5")] == [None, None, None]


def test_among_a_hundred_thousand_words_the_right_one_is_found(spell: Spell) -> None:
    rng = random.Random(0)
    words = ["".join(rng.choices(string.ascii_lowercase, k=rng.randint(4, 14))) for _ in range(100_000)]
    spellings = spell(*(" ".join(words[start : start + 1000]) for start in range(0, len(words), 1000)))
    meant = [word for word in words if len(word) > 11][::2000]
    # Two letters swapped and the last one forgotten.
    assert [spellings.meant_by(f"{word[:5]}{word[6]}{word[5]}{word[7:-1]}") for word in meant] == meant
    assert len(meant) == 14
