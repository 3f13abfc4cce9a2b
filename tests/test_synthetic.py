from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from studybot.bot import StudyBot
from studybot.synthetic import SyntheticEncoder, write_notes
from tests.word_encoder import WordEncoder

MakeBot = Callable[..., StudyBot]


def test_a_made_vector_has_length_one_and_belongs_to_its_text(encoder: WordEncoder) -> None:
    made = SyntheticEncoder(encoder)
    rows = made.encode(["kings", "cells", "kings"])
    assert rows.shape == (3, encoder.dim)
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1.0, 1.0, 1.0], abs=1e-6)
    assert (rows[0] == rows[2]).all()
    assert abs(float(rows[0] @ rows[1])) < 0.9


def test_an_index_of_made_vectors_is_asked_with_the_encoder_that_it_is_named_after(
    make_bot: MakeBot, notes: Path, encoder: WordEncoder
) -> None:
    asked = make_bot()
    made = StudyBot(asked.settings, SyntheticEncoder(encoder))
    made.sync()
    made.close()
    assert asked.ask("Who was executed in 1793?").hits


def test_notes_are_made_of_the_words_of_others_as_many_as_are_wanted_and_always_the_same(
    make_bot: MakeBot, notes: Path, tmp_path: Path
) -> None:
    for folder in ("one", "other"):
        write_notes(tmp_path / folder, 120, notes)
    files = sorted((tmp_path / "one").iterdir())
    assert len(files) == 3
    assert [file.read_bytes() for file in files] == [
        file.read_bytes() for file in sorted((tmp_path / "other").iterdir())
    ]
    spoken = {word for file in notes.rglob("*.md") for word in file.read_text("utf-8").split()}
    assert {word for word in files[0].read_text("utf-8").split() if word.isalnum()} <= spoken
    report = make_bot(notes=tmp_path / "one").sync()
    assert (report.notes, report.statements) == (3, 600)
