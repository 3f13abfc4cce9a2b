import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from studybot import __version__


@pytest.fixture(scope="module")
def notes_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.conftest import CELLS, KINGS

    folder = tmp_path_factory.mktemp("cli") / "notes"
    folder.mkdir()
    (folder / "cells.md").write_text(CELLS, encoding="utf-8")
    (folder / "kings.md").write_text(KINGS, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def index(notes_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli-index")
    done = studybot("index", str(notes_folder), "--index", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("2 notes, 4 passages, 10 statements (2 added, 0 changed, 0 removed; ")
    return folder


def studybot(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "studybot", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100", **variables},
        timeout=300,
        check=False,
    )


def one_line_error(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("studybot: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_version() -> None:
    assert studybot("--version").stdout == f"studybot {__version__}\n"


def test_help_names_every_command_and_the_exit_codes() -> None:
    shown = studybot("--help").stdout
    assert all(f" {name} " in shown for name in ("index", "ask", "serve", "eval", "cite", "verify", "status", "doctor"))
    assert "3 not in your notes" in shown


def test_an_answer_is_printed_with_its_passages(index: Path) -> None:
    done = studybot("ask", "Who was executed in 1793?", "--index", str(index))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Louis XVI was executed in 1793. [1]\n")
    assert "[1] kings.md:3-4 › Kings\n    Louis XVI was executed in 1793.\n" in done.stdout
    assert "\x1b" not in done.stdout


def test_json_is_the_http_reply(index: Path) -> None:
    done = studybot("ask", "Who was executed in 1793?", "--json", "--top-k", "2", "--index", str(index))
    reply = json.loads(done.stdout)
    assert (done.returncode, reply["answered"], len(reply["passages"])) == (0, True, 2)
    cited = studybot("cite", reply["passages"][0]["citation"], "--index", str(index))
    assert cited.stdout.startswith("current: kings.md:3-4\nLouis XVI was executed in 1793.\n")


def test_a_refusal_exits_with_three(index: Path) -> None:
    done = studybot("ask", "Who was executed in 1793?", "--index", str(index), STUDYBOT_MIN_CONFIDENCE="1.0")
    assert done.returncode == 3
    assert done.stdout.startswith("Not in your notes")


@pytest.mark.parametrize("question", ["", "   ", "?!…", "x" * 1001])
def test_a_question_that_is_none_is_refused(index: Path, question: str) -> None:
    assert "the question has" in one_line_error(studybot("ask", question, "--index", str(index)))


@pytest.mark.parametrize("top_k", ["0", "51", "many"])
def test_wrong_usage_exits_with_two(index: Path, top_k: str) -> None:
    assert studybot("ask", "Who?", "--top-k", top_k, "--index", str(index)).returncode == 2


def test_a_missing_index_names_the_command(tmp_path: Path) -> None:
    assert "run `studybot index" in one_line_error(studybot("ask", "Who was executed?", "--index", str(tmp_path)))


def test_a_missing_folder_an_empty_one_and_one_without_markdown_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "cat.png").write_bytes(b"\x89PNG")
    where = ("--index", str(tmp_path / "index"))
    assert "is not there" in one_line_error(studybot("index", str(tmp_path / "nowhere"), *where))
    assert "holds no note" in one_line_error(studybot("index", str(tmp_path / "empty"), *where))
    assert "holds no note" in one_line_error(studybot("index", str(tmp_path / "pictures"), *where))


def test_a_setting_that_is_unknown_or_out_of_range_is_named() -> None:
    assert "STUDYBOT_TOPK is no setting" in one_line_error(studybot("status", STUDYBOT_TOPK="3"))
    assert "top_k" in one_line_error(studybot("status", STUDYBOT_TOP_K="99"))


def test_a_model_folder_that_is_none_is_named(tmp_path: Path) -> None:
    assert "has no model.safetensors" in one_line_error(studybot("status", "--model", str(tmp_path)))


def test_status_and_doctor(index: Path) -> None:
    assert "2 notes, 4 passages, 10 statements" in studybot("status", "--index", str(index)).stdout
    done = studybot("doctor", "--index", str(index))
    assert (done.returncode, done.stdout.count("ok "), done.stdout.count("\n")) == (0, 5, 5)


def test_the_doctor_names_what_no_sync_can_read_and_does_not_fail_for_it(notes_folder: Path, index: Path) -> None:
    scan = notes_folder / "scan.md"
    scan.write_bytes(b"\x89PNG\0\0")
    done = studybot("doctor", "--index", str(index))
    scan.unlink()
    assert (done.returncode, done.stdout.split("\n")[-2]) == (0, "left out: scan.md: is binary, not text")


def test_eval_prints_the_figures(index: Path, tmp_path: Path) -> None:
    question = {
        "id": "k-1",
        "question": "Who was executed in 1793?",
        "kind": "fact",
        "answerable": True,
        "answers": ["Louis XVI"],
        "evidence": [{"note": "kings.md", "start_line": 3, "end_line": 3, "quote": "Louis XVI was executed in 1793."}],
    }
    file = tmp_path / "questions.jsonl"
    file.write_text(json.dumps(question) + "\n", encoding="utf-8")
    done = studybot("eval", str(file), "--index", str(index))
    assert done.stdout.startswith("MRR@10                         1.000   [1.000, 1.000]   n=1\n")


def test_a_taken_port_is_named(notes_folder: Path, index: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = studybot("serve", str(notes_folder), "--port", port, "--index", str(index))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr


@pytest.fixture
def server(notes_folder: Path, index: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "studybot", "serve", str(notes_folder), "--port", "0", "--index", str(index)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = next(line for line in process.stdout if line.startswith("studybot answers at ")).split()[3]
        yield address
        process.terminate()
        # uvicorn ends as it was told to: by the signal, after it answered what it had taken.
        assert process.wait(30) == -signal.SIGTERM


def test_serve_prints_an_address_that_answers(server: str) -> None:
    body = json.dumps({"question": "Who was executed in 1793?"}).encode()
    request = urllib.request.Request(f"{server}api/ask", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        assert json.load(response)["answer"]["quotes"][0]["text"] == "Louis XVI was executed in 1793."
