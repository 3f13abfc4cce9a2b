"""Many at once, while the notes change: every answer is one that a single client would have been given."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from studybot.bot import StudyBot
from tests.browser import Served
from tests.conftest import KINGS
from tests.test_attacks import JSON, request, serving

QUESTIONS = ["When was Louis XVI executed?", "What makes ATP?", "How large is a ribosome?", "Who became king in 1814?"]
PATIENCE_S = 60


def answered(server: Served, question: str) -> str:
    response = request(server, "POST", "/api/ask", JSON, body=json.dumps({"question": question}).encode())
    assert response.status == 200, response.body
    reply = json.loads(response.body)
    return json.dumps({name: reply[name] for name in ("answered", "answer", "confidence", "passages")}, sort_keys=True)


def ask_meanwhile(bot: StudyBot, clients: int, count: int) -> tuple[set[str], set[str]]:
    """Return what ``clients`` were answered while two states of the notes took turns, and what one alone is."""
    note = bot.notes_folder / "kings.md"
    states = (KINGS, KINGS.replace("1793", "January 1793"))
    alone: set[str] = set()
    with serving(bot) as server:
        for state in states:
            note.write_text(state, encoding="utf-8")
            bot.sync()
            alone |= {answered(server, question) for question in QUESTIONS}
        is_over = threading.Event()

        def keep_changing() -> None:
            turn = 0
            while not is_over.is_set():
                note.write_text(states[turn % 2], encoding="utf-8")
                bot.sync()
                turn += 1

        changing = threading.Thread(target=keep_changing)
        changing.start()
        try:
            with ThreadPoolExecutor(clients) as pool:
                asked = (QUESTIONS[number % len(QUESTIONS)] for number in range(count))
                found = set(pool.map(lambda question: answered(server, question), asked))
        finally:
            is_over.set()
            changing.join(PATIENCE_S)
    return found, alone


def test_every_answer_is_that_of_one_state_of_the_notes(bot: StudyBot) -> None:
    found, alone = ask_meanwhile(bot, clients=16, count=120)
    assert found <= alone
    assert len(found) >= len(QUESTIONS)


def test_a_server_that_is_told_to_stop_answers_what_it_took(notes: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "studybot", "serve", str(notes), "--port", "0", "--index", str(tmp_path / "index")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = next(line.split()[3] for line in server.stdout if line.startswith("studybot answers at "))
        port = int(url.rstrip("/").rpartition(":")[2])
        body = json.dumps({"question": QUESTIONS[0]}).encode()
        head = f"POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\n{JSON}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
            # Taken, as its head is there; the rest comes after the signal.
            connection.sendall(head + body[:5])
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as other:
                other.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                assert b"200 OK" in other.recv(65536)
            os.kill(server.pid, signal.SIGTERM)
            connection.sendall(body[5:])
            # Head and body come apart; the server closes the connection behind them.
            answered = b"".join(iter(lambda: connection.recv(65536), b""))
            assert b"Louis XVI was executed in 1793." in answered
        assert server.wait(PATIENCE_S) in (0, -signal.SIGTERM)


class _Failing:
    """What goes wrong says the question, as an error of a library might."""

    def __call__(self, texts: object) -> Any:
        raise KeyError(str(texts))


def test_the_log_of_a_failure_tells_where_and_not_what_was_asked(make_bot: Callable[..., StudyBot], capfd: Any) -> None:
    bot = make_bot()
    bot.sync()
    bot.warm_up()
    bot.lookup()._encoder.encode = _Failing()  # type: ignore[method-assign]
    with serving(bot) as server:
        asked = json.dumps({"question": "When was Marie Antoinette executed?"}).encode()
        assert request(server, "POST", "/api/ask", JSON, body=asked).status == 500
        assert request(server, "POST", "/api/ask", JSON, body=b'{"question": Marie').status == 422
        assert request(server, "GET", "/Marie/Antoinette").status == 404
    said = capfd.readouterr()
    assert "test_load.py" in said.err
    assert "KeyError" in said.err
    assert "Marie" not in said.out + said.err
