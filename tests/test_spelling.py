import random
import string
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from studybot.bot import StudyBot
from studybot.database import Database
from studybot.fulltext import FullText
from studybot.spelling import FILE, Spellings
from studybot.types import Passage

KNOWN = {"caching", "hosted"}

Spell = Callable[..., Spellings]


def count_tokens(texts: Sequence[str]) -> list[int]:
    """Count as an encoder does that has few words whole and all others in two tokens."""
    return [1 if text in KNOWN else 2 for text in texts]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path, write=True)
    yield database
    database.close()


@pytest.fixture
def spell(database: Database) -> Spell:
    """Return what makes the spellings of notes that say the given texts."""

    def fill(*texts: str) -> Spellings:
        full_text = FullText(database)
        with database.transaction():
            for number, text in enumerate(texts, 1):
                full_text.add(number, Passage(str(number), "n.md", (), text, 0, 1, 1, ()))
        return Spellings(full_text, count_tokens)

    return fill


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


def test_the_words_are_kept_in_a_file_as_long_as_they_are_of_the_same_text(
    spell: Spell, database: Database, tmp_path: Path
) -> None:
    spell("Mitochondria are smooth.")
    full_text = FullText(database)
    assert Spellings(full_text, count_tokens, tmp_path, "1").meant_by("smoth") == "smooth"
    assert (tmp_path / FILE).read_text("utf-8").endswith("\nare mitochondria n smooth")
    with database.transaction():
        full_text.add(2, Passage("2", "n.md", (), "A moth.", 0, 1, 1, ()))
    assert Spellings(full_text, count_tokens, tmp_path, "1").meant_by("moht") is None
    assert Spellings(full_text, count_tokens, tmp_path, "2").meant_by("moht") == "moth"
    assert (tmp_path / FILE).read_text("utf-8").endswith("\na are mitochondria moth n smooth")


@pytest.mark.parametrize("damage", [b"", b"1", b"1 5\nsmoth", b"\xff\n\xff"])
def test_words_of_a_damaged_file_are_not_believed(
    spell: Spell, database: Database, tmp_path: Path, damage: bytes
) -> None:
    spell("Mitochondria are smooth.")
    full_text = FullText(database)
    (tmp_path / FILE).write_bytes(damage)
    assert Spellings(full_text, count_tokens, tmp_path, "1").meant_by("smoth") == "smooth"
    assert Spellings(full_text, count_tokens, tmp_path, "1").meant_by("smoth") == "smooth"


def test_where_nothing_can_be_written_the_words_are_read_each_time(
    spell: Spell, database: Database, tmp_path: Path
) -> None:
    spell("Mitochondria are smooth.")
    full_text = FullText(database)
    (tmp_path / FILE).mkdir()
    assert Spellings(full_text, count_tokens, tmp_path, "1").meant_by("smoth") == "smooth"


def test_an_index_has_its_words_beside_it_once_a_misspelled_one_was_asked(bot: StudyBot, notes: Path) -> None:
    file = bot.settings.index / FILE
    assert bot.ask("Who was executed in 1793?").hits
    assert not file.exists()
    first = bot.ask("Who was exceuted?").hits[0]
    assert "executed" in file.read_text("utf-8").split()
    (notes / "more.md").write_text("# More\n\nNobody was exceuted.\n", encoding="utf-8")
    bot.sync()
    assert bot.ask("Who was exceuted?").hits[0].passage.note == "more.md"
    assert bot.ask("Who was brotherr?").hits[0].passage.id == first.passage.id
    assert "exceuted" in file.read_text("utf-8").split()
