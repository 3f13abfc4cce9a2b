from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from studybot.bot import StudyBot
from studybot.database import Database
from studybot.fulltext import rarity
from studybot.reading import AS_TYPED, Vocabulary, asking_sentence, rarest, read
from studybot.store import Store
from studybot.words import wholes

MakeBot = Callable[..., StudyBot]


def count_tokens(texts: Sequence[str]) -> list[int]:
    """Count as an encoder does that has no word whole but one."""
    return [1 if text == "sooth" else 2 for text in texts]


@pytest.fixture
def store(bot: StudyBot) -> Store:
    return Store(Database(bot.settings.index))


def looked_up(question: str, store: Store) -> list[str]:
    return list(read(question, Vocabulary.of(store, count_tokens), store).words)


def test_only_a_word_that_is_in_no_passage_is_taken_for_another(store: Store) -> None:
    assert looked_up("What do mitochondira do?", store) == ["mitochondria"]
    assert looked_up("Which was smoooth?", store) == ["smooth"]
    # The notes have "executed" only.
    assert looked_up("the executoin of a king", store) == ["executoin", "king"]
    assert looked_up("an execution", store) == ["execution"]
    assert looked_up("Which was sooth?", store) == ["sooth"]
    assert looked_up("What do quarks do in 1794?", store) == ["quarks", "1794"]


def test_a_student_who_does_not_know_the_notes_is_taken_at_his_word(store: Store) -> None:
    reading = read("What do mitochondira do?", AS_TYPED, store)
    assert (reading.text, list(reading.words)) == ("What do mitochondira do?", ["mitochondira"])


def test_each_word_comes_with_its_rarity(store: Store) -> None:
    reading = read("Are mitochondira and membranes in cells?", Vocabulary.of(store, count_tokens), store)
    assert reading.words == {
        "mitochondria": pytest.approx(rarity(1, 4)),
        "membranes": pytest.approx(rarity(1, 4)),
        "cells": pytest.approx(rarity(3, 4)),
    }
    assert list(reading.words) == ["mitochondria", "membranes", "cells"]


def test_a_short_form_is_spelled_out_when_the_notes_explain_it(make_bot: MakeBot, notes: Path) -> None:
    (notes / "er.md").write_text("# Membranes\n\nThe Endoplasmic Reticulum (ER) folds proteins.\n", encoding="utf-8")
    bot = make_bot()
    bot.sync()
    store = Store(Database(bot.settings.index))
    reading = read("What does an ER do?", Vocabulary.of(store, count_tokens), store)
    assert reading.text == "What does an ER (Endoplasmic Reticulum) do?"
    assert list(reading.words) == ["er", "endoplasmic", "reticulum"]


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("Is 5 GB the most, or 5.5 mm?", ["5 gb", "5.5 mm"]),
        ("What is 99.999999999% of 10,000?", ["99.999999999", "10,000"]),
        ("May a t3.micro do s3:GetObject from 0.0.0.0/0?", ["t3.micro", "s3:getobject", "0.0.0.0/0"]),
        ("in us-east-1 by step_2", ["us-east-1", "step_2"]),
        ("3 of 4 in the 5 kingdoms; 1793", []),
        ("high-level and/or the king's", []),
    ],
)
def test_numbers_and_names_with_digits_are_kept_whole(question: str, found: list[str]) -> None:
    assert wholes(question) == found


def test_what_is_whole_is_looked_up_beside_its_parts_if_a_passage_has_it(store: Store) -> None:
    assert looked_up("Is it 25 nm or 26 nm?", store) == ["25", "nm", "26", "25 nm"]


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("A cell has run out of ATP. It is starved, e.g. of sugar. Which part\nfailed?", "Which part failed?"),
        ("A king died. His brother was crowned. Who was it? Why?", "His brother was crowned."),
        ("A king died. His brother was crowned. Who was the brother? Why?", "Who was the brother?"),
        ("A king died. Who was it?", "A king died. Who was it?"),
        ("Why? How? When?", "Why? How? When?"),
    ],
)
def test_a_situation_is_told_from_the_question_that_ends_it(question: str, sentence: str) -> None:
    assert asking_sentence(question) == sentence


def test_of_a_long_question_the_last_sentence_is_looked_up_and_all_is_encoded(store: Store) -> None:
    question = "Louis XVI had a brother. He grew up in a palace. How large is a ribosome?"
    reading = read(question, AS_TYPED, store)
    assert reading.text == question
    assert list(reading.words) == ["large", "ribosome"]


def test_the_commonest_words_of_a_question_are_not_ranked_by_in_a_large_index() -> None:
    assert rarest({"data": 15_000, "the": 90_000, "quark": 3, "unknown": 0, "store": 8_000}) == [
        "quark",
        "unknown",
        "store",
    ]
    assert rarest({"data": 15_000, "store": 5_000}) == ["data", "store"]
    assert rarest({"data": 50_000, "the": 90_000}) == ["data"]
    assert rarest({}) == []
