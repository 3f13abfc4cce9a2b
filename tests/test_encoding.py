import importlib.machinery
import importlib.util
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from platformdirs import user_cache_path

from studybot.encoding import BASE, TUNED, SentenceEncoder
from studybot.errors import ModelMismatch, ModelMissing


@pytest.fixture(scope="module")
def model() -> SentenceEncoder:
    return SentenceEncoder()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_the_model_is_the_published_one(model: SentenceEncoder) -> None:
    assert model.fingerprint.startswith(f"{TUNED}:")
    assert (model.dim, model.max_tokens) == (384, 256)


def test_the_model_that_was_trained_further_can_be_chosen(model: SentenceEncoder) -> None:
    plain = SentenceEncoder(Path(BASE))
    assert plain.fingerprint == "all-MiniLM-L6-v2:53aa51172d142c89"
    assert (plain.dim, plain.max_tokens) == (384, 256)
    texts = ["", "Mitochondria make ATP.", "日本語"]
    assert plain.count_tokens(texts) == model.count_tokens(texts)


def test_a_packaged_model_with_other_weights_is_refused(
    model: SentenceEncoder, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(model.folder, home / "studybot" / "encoder")
    (home / "studybot" / "__init__.py").touch()
    with (home / "studybot" / "encoder" / "model.safetensors").open("ab") as stream:
        stream.write(b"x")
    found = importlib.machinery.PathFinder.find_spec("studybot", [str(home)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    with pytest.raises(ModelMismatch, match=r"has sha256 \w+, wanted \w+; reinstall it"):
        SentenceEncoder()


@pytest.mark.parametrize(("kept", "window"), [({"max_seq_length": 64}, 64), ({}, 256)])
def test_the_window_is_read_as_old_and_new_folders_keep_it(
    model: SentenceEncoder, home: Path, kept: dict[str, int], window: int
) -> None:
    shutil.copytree(model.folder, home / "mine")
    (home / "mine" / "sentence_bert_config.json").write_text(json.dumps(kept), encoding="utf-8")
    assert SentenceEncoder(home / "mine").max_tokens == window


def test_weights_of_half_precision_are_computed_with_in_single_precision(model: SentenceEncoder) -> None:
    row = model.encode(["A cat sleeps."])[0]
    assert row.dtype == np.float32
    assert not np.array_equal(row, row.astype(np.float16))


def test_rows_have_unit_length_and_like_texts_are_near(model: SentenceEncoder) -> None:
    cat, kitten, tax = model.encode(["A cat sleeps.", "A kitten is asleep.", "Value added tax rose."])
    assert [np.linalg.norm(row) for row in (cat, kitten, tax)] == pytest.approx([1, 1, 1], abs=1e-6)
    assert cat @ kitten > 0.6 > 0.2 > cat @ tax


def test_no_text_gives_no_row(model: SentenceEncoder) -> None:
    assert model.encode([]).shape == (0, 384)


def test_tokens_are_counted_without_markers(model: SentenceEncoder) -> None:
    assert model.count_tokens(["", "cells", "Mitochondria make ATP."]) == [0, 1, 7]


def test_a_text_longer_than_the_window_is_counted_whole_and_read_to_the_window(model: SentenceEncoder) -> None:
    assert model.count_tokens(["cells " * 1_000]) == [1_000]
    tokens = model.tokens(["cells " * 1_000, "cells"])
    assert [len(numbers) for numbers in tokens] == [256, 3]
    assert tokens[0][-1] == tokens[1][-1]


def test_counts_of_lines_add_up(model: SentenceEncoder) -> None:
    lines = ["- unbeliev\n", "able  facts\n", "\n", "| a | b |\n"]
    assert sum(model.count_tokens(lines)) == model.count_tokens(["".join(lines)])[0]


def test_any_local_folder_is_taken_and_named_by_its_weights(
    model: SentenceEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(model.folder, tmp_path / "mine")
    expected = model.encode(["A cat sleeps."])
    # The same model has the same export, wherever it lies: another one need not be made.
    (tmp_path / "cache" / "studybot").mkdir(parents=True)
    (tmp_path / "cache" / "studybot" / "exports").symlink_to(user_cache_path("studybot") / "exports")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    mine = SentenceEncoder(tmp_path / "mine")
    assert mine.fingerprint == f"mine:{model.fingerprint.split(':')[1]}"
    assert mine.encode(["A cat sleeps."]) == pytest.approx(expected, abs=1e-6)


def test_weights_are_read_once_and_again_when_they_changed(model: SentenceEncoder, home: Path) -> None:
    shutil.copytree(model.folder, home / "mine")
    first = SentenceEncoder(home / "mine").fingerprint
    checked = json.loads((home / "cache" / "studybot" / "checked-models.json").read_text(encoding="utf-8"))
    assert len(checked) == 1
    with (home / "mine" / "model.safetensors").open("ab") as stream:
        stream.write(b"x")
    assert SentenceEncoder(home / "mine").fingerprint != first


def test_weights_that_changed_behind_their_size_and_time_are_damage(model: SentenceEncoder, home: Path) -> None:
    weights = Path(shutil.copytree(model.folder, home / "mine")) / "model.safetensors"
    mine, before = SentenceEncoder(home / "mine"), weights.stat()
    assert mine.damage() is None
    with weights.open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        stream.write(b"x")
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    again = SentenceEncoder(home / "mine")
    assert again.fingerprint == mine.fingerprint
    assert f"wanted {mine.fingerprint.split(':')[1]}" in str(again.damage())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("modules.json", "{"),
        ("modules.json", '[{"name": "0"}]'),
        ("modules.json", "[1]"),
        ("sentence_bert_config.json", '{"max_seq_length": "many"}'),
        ("sentence_bert_config.json", "[]"),
        ("1_Pooling/config.json", '{"embedding_dimension": 384'),
        ("1_Pooling/config.json", '{"embedding_dimension": "384"}'),
        ("1_Pooling/config.json", "\udcff"),
    ],
)
def test_a_folder_whose_settings_cannot_be_read_is_refused(
    model: SentenceEncoder, home: Path, name: str, content: str
) -> None:
    shutil.copytree(model.folder, home / "mine")
    (home / "mine" / name).write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ModelMissing, match=r"mine holds no model that can be read \(\w+: .*\); wanted a folder that"):
        SentenceEncoder(home / "mine")


def test_a_folder_that_says_nowhere_how_long_its_vectors_are_is_refused(model: SentenceEncoder, home: Path) -> None:
    shutil.copytree(model.folder, home / "mine")
    for name in ("1_Pooling/config.json", "config.json"):
        (home / "mine" / name).write_text("{}", encoding="utf-8")
    with pytest.raises(ModelMissing, match="KeyError: 'hidden_size'"):
        SentenceEncoder(home / "mine")


@pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors"])
def test_a_tokenizer_and_weights_that_cannot_be_read_are_told_when_a_text_is_encoded(
    model: SentenceEncoder, home: Path, name: str
) -> None:
    shutil.copytree(model.folder, home / "mine")
    (home / "mine" / name).write_bytes(b"x" * 1_000)
    with pytest.raises(ModelMissing, match="holds no model that can be read"):
        SentenceEncoder(home / "mine").encode(["A cat sleeps."])


@pytest.mark.parametrize("name", ["model.safetensors", "modules.json", "tokenizer.json"])
def test_a_folder_without_a_part_of_a_model_is_refused(model: SentenceEncoder, home: Path, name: str) -> None:
    shutil.copytree(model.folder, home / "mine", ignore=shutil.ignore_patterns(name))
    with pytest.raises(ModelMissing, match=f"has no {name}"):
        SentenceEncoder(home / "mine")
