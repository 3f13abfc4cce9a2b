import json
import logging
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from studybot import chunking, export
from studybot.changes import cut
from studybot.encoding import SentenceEncoder, load_model
from studybot.notes import list_notes, read_note
from tests.conftest import CHECKOUT

QUESTION = "How long is a message kept?"
ENCODE = (
    "import sys; from pathlib import Path; from studybot.encoding import SentenceEncoder; "
    f"print(SentenceEncoder(Path(sys.argv[1])).encode([{QUESTION!r}])[0].tolist())"
)


@pytest.fixture(scope="module")
def model() -> SentenceEncoder:
    return SentenceEncoder()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, model: SentenceEncoder) -> Path:
    """Return the folder of a model with two small layers and chance weights, which is exported as any other."""
    import torch
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("small") / "model"
    shutil.copytree(model.folder, folder, ignore=shutil.ignore_patterns("model.safetensors", "README.md"))
    torch.manual_seed(7)
    config = BertConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    BertModel(config).save_pretrained(folder)
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"embedding_dimension": 32, "pooling_mode": "mean", "include_prompt": True}), encoding="utf-8"
    )
    return folder


@pytest.fixture
def exports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where exports are kept, a place of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "studybot" / "exports"


@pytest.fixture(scope="module")
def at_once(
    small: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[subprocess.CompletedProcess[str]]]:
    """Return the cache in which two processes exported the small model at once, and what these said."""
    cache = tmp_path_factory.mktemp("exported")
    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(lambda _: encode_apart(small, XDG_CACHE_HOME=str(cache)), range(2)))
    return cache, done


@pytest.fixture(scope="module")
def exported(at_once: tuple[Path, list[subprocess.CompletedProcess[str]]]) -> Path:
    """Return a cache that holds the export of the small model."""
    return at_once[0]


@pytest.fixture
def kept(exported: Path, exports: Path) -> Path:
    """Return the export of the small model, in this test's own cache."""
    shutil.copytree(exported / "studybot" / "exports", exports)
    return next(exports.iterdir())


def encode_apart(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Encode one text in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", ENCODE, str(folder)],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        timeout=300,
        check=False,
    )


def plain(folder: Path, texts: list[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return the rows that sentence-transformers itself gives."""
    rows = load_model(folder).encode(texts, normalize_embeddings=True, show_progress_bar=False)
    return np.asarray(rows, np.float32)


def passages(count: int, encoder: SentenceEncoder) -> list[str]:
    """Return the texts that an index of the sample notes holds, and then ones that are thrown together."""
    chance = random.Random(7)
    texts: dict[str, None] = {}
    for file in list_notes(CHECKOUT / "notes").files:
        document, found = cut(read_note(CHECKOUT / "notes", file.path), encoder)
        statements = {statement.start: statement for section in document.sections for statement in section.statements}
        for passage in found:
            texts[chunking.passage_text(passage)] = None
            texts.update(dict.fromkeys(chunking.statement_texts(passage, statements)))
    texts = dict.fromkeys(list(texts)[: count * 4 // 5])
    words = [*" ".join(texts).split(), "naïve", "Straße", "日本語", "🧬", "x²", "[SEP]", "\u00ad", "\ufffd"]
    while len(texts) < count:
        texts[" ".join(chance.choices(words, k=300 if len(texts) % 40 == 0 else chance.randint(1, 40)))] = None
    return list(texts)[:count]


def test_the_rows_of_five_hundred_passages_are_those_of_sentence_transformers(model: SentenceEncoder) -> None:
    texts = passages(500, model)
    assert max(model.count_tokens(texts)) > model.max_tokens
    apart = np.abs(model.encode(texts) - plain(model.folder, texts))
    assert apart.shape == (500, 384)
    assert apart.max() < 1e-4


def test_rows_come_in_the_order_of_the_texts_whatever_they_are_encoded_with(model: SentenceEncoder) -> None:
    texts = passages(80, model)
    rows = model.encode(texts)
    alone = np.concatenate([model.encode([text]) for text in texts])
    shuffled = random.Random(7).sample(range(80), 80)
    assert np.abs(rows - alone).max() < 1e-5
    assert np.abs(rows[shuffled] - model.encode([texts[number] for number in shuffled])).max() < 1e-5


def test_sixty_four_questions_at_once_each_get_their_own_row(model: SentenceEncoder) -> None:
    questions = [f"What is number {n} of {n % 7} {'and so on ' * (n % 5)}?" for n in range(64)]
    with ThreadPoolExecutor(64) as threads:
        rows = list(threads.map(lambda question: model.encode([question])[0], questions))
    assert np.abs(np.array(rows) - model.encode(questions)).max() < 1e-5


@pytest.mark.parametrize(
    "does",
    [
        "app(['index', notes, '--index', index], standalone_mode=False)",
        "app(['ask', 'What makes ATP?', '--index', index], standalone_mode=False)",
        "app(['eval', questions, '--notes', notes, '--index', index], standalone_mode=False)",
        "bot = StudyBot(load(index=index), SentenceEncoder()); bot.warm_up(); create_app(bot, web_folder())",
    ],
    ids=["index", "ask", "eval", "serve"],
)
def test_no_command_loads_pytorch(does: str, notes: Path, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    evidence = {"note": "kings.md", "start_line": 3, "end_line": 3, "quote": "Louis XVI was executed in 1793."}
    asked = {
        "id": "k-1",
        "question": "When did Louis XVI die?",
        "kind": "fact",
        "answerable": True,
        "answers": ["1793"],
    }
    asked |= {"evidence": [evidence], "needs_all_evidence": False}
    questions.write_text(json.dumps(asked) + "\n", encoding="utf-8")
    program = f"""
import sys
from studybot.api import create_app
from studybot.bot import StudyBot
from studybot.cli import app
from studybot.encoding import SentenceEncoder
from studybot.server import web_folder
from studybot.settings import load
notes, questions, index = {str(notes)!r}, {str(questions)!r}, {str(tmp_path / "index")!r}
{"" if "'index', notes" in does else "app(['index', notes, '--index', index], standalone_mode=False)"}
{does}
slow = ("torch", "transformers", "sentence_transformers")
print("onnxruntime" in sys.modules, [name for name in slow if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0
    assert done.stdout.split("\n")[-2] == "True []"


def test_onnxruntime_keeps_and_sends_nothing_about_its_use(small: Path, exported: Path) -> None:
    # What it would send is kept beside, in the cache, under the name of its maker.
    done = encode_apart(small, XDG_CACHE_HOME=str(exported), ORT_DISABLE_TELEMETRY="0")
    assert done.returncode == 0
    assert [entry.name for entry in exported.iterdir()] == ["studybot"]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux lists the threads of a process")
@pytest.mark.parametrize(("said", "more"), [("1", 0), ("3", 2), ("3,1", 2)])
def test_as_many_threads_compute_as_omp_num_threads_says(small: Path, exported: Path, said: str, more: int) -> None:
    program = (
        "import sys, os, onnxruntime, tokenizers; from pathlib import Path; "
        "from studybot.encoding import SentenceEncoder; encoder = SentenceEncoder(Path(sys.argv[1])); "
        "before = len(os.listdir('/proc/self/task')); encoder.encode(['one']); "
        "print(len(os.listdir('/proc/self/task')) - before)"
    )
    variables = {**os.environ, "OMP_NUM_THREADS": said, "XDG_CACHE_HOME": str(exported), "ORT_DISABLE_TELEMETRY": "1"}
    variables["TOKENIZERS_PARALLELISM"] = "false"
    done = subprocess.run(
        [sys.executable, "-c", program, str(small)], capture_output=True, text=True, env=variables, check=False
    )
    assert (done.stdout, done.stderr) == (f"{more}\n", "")


def test_a_sound_export_is_used_as_it_is(small: Path, kept: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = (kept / export.WEIGHTS).stat().st_ino
    rows = SentenceEncoder(small).encode([QUESTION, ""])
    assert np.abs(rows - plain(small, [QUESTION, ""])).max() < 1e-4
    assert (kept / export.WEIGHTS).stat().st_ino == before
    assert caplog.messages == []


def truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def overwritten(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-4] + b"oops")


@pytest.mark.parametrize("name", [export.GRAPH, export.WEIGHTS, export.STAMP])
@pytest.mark.parametrize("damage", [truncated, overwritten, Path.unlink])
def test_a_damaged_export_is_found_out(kept: Path, name: str, damage: Callable[[Path], None]) -> None:
    assert export.fault(kept) is None
    damage(kept / name)
    assert str(kept) in str(export.fault(kept))


def test_a_damaged_export_is_made_anew_and_only_the_newest_ones_are_kept(
    small: Path, kept: Path, exports: Path, caplog: pytest.LogCaptureFixture
) -> None:
    truncated(kept / export.WEIGHTS)
    for age in range(5):
        (exports / f"older-{age}").mkdir()
        os.utime(exports / f"older-{age}", (time.time() - age, time.time() - 3600 * age))
    rows = SentenceEncoder(small).encode([QUESTION])
    assert np.abs(rows - plain(small, [QUESTION])).max() < 1e-4
    assert export.fault(kept) is None
    assert sorted(entry.name for entry in exports.iterdir()) == [kept.name, "older-0", "older-1", "older-2"]
    assert caplog.messages == []


def test_damage_behind_size_and_time_is_told_by_the_doctor(small: Path, kept: Path) -> None:
    encoder = SentenceEncoder(small)
    assert encoder.damage() is None
    assert export.fault(kept) is None
    before = (kept / export.WEIGHTS).stat()
    overwritten(kept / export.WEIGHTS)
    os.utime(kept / export.WEIGHTS, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert export.fault(kept) is None
    told = str(encoder.damage())
    assert told.startswith(f"{kept / export.WEIGHTS} has sha256 ")
    assert told.endswith(f"; delete {kept}, it is made anew")


def test_an_export_is_of_one_model_read_and_pooled_in_one_way_by_one_version(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(small, tmp_path / "pooled")
    (tmp_path / "pooled" / "1_Pooling" / "config.json").write_text('{"embedding_dimension": 32, "pooling_mode": "cls"}')
    places = [export.place(small, "a" * 64), export.place(small, "b" * 64), export.place(tmp_path / "pooled", "a" * 64)]
    shutil.copytree(small, tmp_path / "copy")
    assert export.place(tmp_path / "copy", "a" * 64) == places[0]
    monkeypatch.setattr(export, "VERSION", export.VERSION + 1)
    assert len({*places, export.place(small, "a" * 64)}) == 4


def test_the_first_questions_at_once_wait_for_one_export_of_a_model_pooled_its_own_way(
    small: Path, exports: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(small, tmp_path / "pooled"))
    (folder / "1_Pooling" / "config.json").write_text('{"embedding_dimension": 32, "pooling_mode": "cls"}')
    encoder = SentenceEncoder(folder)
    questions = [f"What is number {n}?" for n in range(8)]
    with ThreadPoolExecutor(8) as threads:
        rows = list(threads.map(lambda question: encoder.encode([question])[0], questions))
    assert np.abs(np.array(rows) - plain(folder, questions)).max() < 1e-4
    assert [export.fault(entry) for entry in exports.iterdir()] == [None]


def test_a_cache_that_cannot_be_written_to_costs_speed_and_says_so_once(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    encoder = SentenceEncoder(small)
    rows = np.concatenate([encoder.encode([QUESTION]), encoder.encode(["cells"])])
    assert np.abs(rows - plain(small, [QUESTION, "cells"])).max() < 1e-6
    assert caplog.messages == [
        "studybot: texts are encoded by PyTorch, which is slower; there is no export: "
        f"{tmp_path / 'file' / 'studybot' / 'exports'} cannot be written to: Not a directory"
    ]
    assert caplog.records[0].levelno == logging.WARNING


@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare, of Linux, is not here")
def test_an_export_that_is_asked_for_is_there_or_the_command_fails(
    small: Path, kept: Path, notes: Path, tmp_path: Path
) -> None:
    def index(**variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "studybot", "index", str(notes), "--export"]
        command += ["--index", str(tmp_path / "index"), "--model", str(small)]
        return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True)

    assert index().returncode == 0
    (tmp_path / "file").touch()
    done = index(XDG_CACHE_HOME=str(tmp_path / "file"))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{small} has no export, and none can be made: {tmp_path / 'file'}" in done.stderr.replace("\n", " ")


def test_a_full_disk_costs_speed_and_says_so_in_one_line(small: Path, tmp_path: Path) -> None:
    full = f"mount -t tmpfs -o size=5m none {tmp_path} && exec {sys.executable} -c {ENCODE!r} {small}"
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", full],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        check=False,
    )
    assert np.abs(np.array(json.loads(done.stdout)) - plain(small, [QUESTION])[0]).max() < 1e-6
    assert done.stderr.count("\n") == 1
    assert f"{tmp_path}/studybot/exports cannot be written to: No space left on device (8 MB are needed)" in done.stderr


def test_an_export_that_breaks_off_leaves_nothing_and_costs_speed(
    small: Path, exports: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # What is written meets the limit, not what looks for room: as a quota, or a disk that fills at this moment.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        rows = SentenceEncoder(small).encode([QUESTION])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert np.abs(rows - plain(small, [QUESTION])).max() < 1e-6
    assert [message.split("no export: ")[1] for message in caplog.messages] == ["OSError: [Errno 27] File too large"]
    assert list(exports.iterdir()) == []


def test_what_is_interrupted_leaves_nothing(small: Path, exports: Path) -> None:
    # What a shell runs in the background ignores an interrupt, and so would this process.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    running = subprocess.Popen(
        [sys.executable, "-c", heeding + ENCODE, str(small)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not (exports.is_dir() and list(exports.iterdir())):
        assert running.poll() is None
        time.sleep(0.01)
    # As a terminal does it: to the conversion, too.
    os.killpg(running.pid, signal.SIGINT)
    stdout, stderr = running.communicate(timeout=60)
    assert (stdout, stderr.strip().split("\n")[-1]) == ("", "KeyboardInterrupt")
    assert list(exports.iterdir()) == []


def test_two_processes_that_export_at_once_leave_one_export(
    at_once: tuple[Path, list[subprocess.CompletedProcess[str]]],
) -> None:
    cache, (first, second) = at_once
    assert json.loads(first.stdout) == json.loads(second.stdout)
    assert (first.stderr, second.stderr) == ("", "")
    assert [export.fault(entry) for entry in (cache / "studybot" / "exports").iterdir()] == [None]


def test_a_model_that_onnx_has_no_words_for_is_run_by_pytorch(
    small: Path, exports: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from transformers import FNetConfig, FNetModel

    folder = Path(shutil.copytree(small, tmp_path / "fourier"))
    (folder / "model.safetensors").unlink()
    FNetModel(FNetConfig(vocab_size=30522, hidden_size=32, num_hidden_layers=1)).save_pretrained(folder)
    rows = SentenceEncoder(folder).encode([QUESTION])
    assert np.abs(rows - plain(folder, [QUESTION])).max() < 1e-6
    assert len(caplog.messages) == 1
    assert "Exporting the operator 'aten::fft_fftn' to ONNX" in caplog.messages[0]
    assert list(exports.iterdir()) == []
