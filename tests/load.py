"""Many clients of one server process: each is answered as if it were alone, memory stays, and a stop loses nothing.

Two states of the notes take turns meanwhile, so that every answer has to be that of the one or of the other. Run as a
program, ``python -m tests.load NOTES INDEX``, it is that server: studybot's own, but for the encoder, a double.
"""

import http.client
import json
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from studybot.bot import StudyBot
from studybot.server import serve
from studybot.settings import Settings
from tests.mutations import write_notes
from tests.word_encoder import WordEncoder

Given = TypeVar("Given")
Found = TypeVar("Found")

PATIENCE_S = 120
_CHECKOUT = Path(__file__).parents[1]
_NOTES = 24
_QUESTIONS = 40
_MOST_GROWTH = 0.10
# One request in four is a question, the others look at these.
_LOOKS = ("/api/status", "/api/notes", "/api/rendered/00.md")


@dataclass(frozen=True, slots=True)
class Server:
    """A server process that listens on a port of this computer."""

    process: subprocess.Popen[str]
    port: int

    def memory_mb(self) -> float:
        """Return what the process holds in memory, as Linux tells it."""
        status = Path(f"/proc/{self.process.pid}/status").read_text("utf-8")
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, what was answered, and how long that took."""

    question: str
    answer: str
    seconds: float


@contextmanager
def started(*command: str) -> Iterator[Server]:
    """Start a server, wait until it tells its address, and kill it at the end."""
    with subprocess.Popen(
        [sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True, cwd=_CHECKOUT
    ) as process:
        try:
            assert process.stdout is not None
            address = next(
                found for line in process.stdout if (found := re.search(r"http://127\.0\.0\.1:(\d+)/", line))
            )
            yield Server(process, int(address[1]))
        finally:
            process.kill()


class Client:
    """One connection, which is kept, as a browser keeps it."""

    def __init__(self, server: Server) -> None:
        """Connect with the first request."""
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)

    def close(self) -> None:
        """Leave."""
        self._connection.close()

    def send(self, method: str, path: str, body: object = None) -> Any:
        """Return the JSON that is answered; any status but success is an error."""
        content = None if body is None else json.dumps(body)
        self._connection.request(method, path, content, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        said = response.read()
        assert response.status < 300, f"{method} {path}: {response.status} {said[:300]!r}"
        return json.loads(said)

    def ask(self, question: str) -> str:
        """Return what a reply says, but for what differs each time."""
        return said(self.send("POST", "/api/ask", {"question": question}))


def said(reply: Mapping[str, Any]) -> str:
    """Return what is the same in two replies that say the same."""
    return json.dumps({name: reply[name] for name in ("answered", "answer", "confidence", "passages")}, sort_keys=True)


class States:
    """Notes in a folder, which are now in one state, now in the other; half of them differ."""

    def __init__(self, root: Path, seed: int) -> None:
        """Write both states below ``root``, and the first one into the folder."""
        self.notes, self.index = root / "notes", root / "index"
        self._states = root / "first", root / "second"
        for state in self._states:
            write_notes(state, seed, _NOTES)
        write_notes(self._states[1], seed + 1, _NOTES // 2)
        self._put(0)
        lines = {
            line for state in self._states for file in state.iterdir() for line in file.read_text("utf-8").split("\n")
        }
        facts = sorted(line for line in lines if line.startswith("- The "))
        chosen = random.Random(seed).sample(facts, _QUESTIONS)
        self.questions = [f"What is the {' '.join(fact.split()[2:7])}?" for fact in chosen]

    def sync(self, client: Client, turn: int) -> None:
        """Bring the notes into the state whose ``turn`` it is, and the index up to it."""
        before = client.send("GET", "/api/status")["generation"]
        self._put(turn % 2)
        client.send("POST", "/api/index")
        while (now := client.send("GET", "/api/status"))["syncing"]:
            time.sleep(0.01)
        assert now["generation"] > before, "a sync of changed notes changed nothing"

    def _put(self, number: int) -> None:
        # Not the times of the files: a note is read again when its time is another.
        shutil.copytree(self._states[number], self.notes, dirs_exist_ok=True, copy_function=shutil.copyfile)


def ask_meanwhile(server: Server, states: States, clients: int, count: int) -> dict[str, Any]:
    """Ask ``count`` questions while syncs follow each other, and return how that went.

    Each answer has to be what one client was given before, alone, from one of the two states.
    """
    alone: dict[str, set[str]] = {question: set() for question in states.questions}
    is_over = threading.Event()
    with closing(Client(server)) as syncing, ThreadPoolExecutor(1) as apart:
        for turn in (1, 0):
            states.sync(syncing, turn)
            for question in states.questions:
                alone[question].add(syncing.ask(question))

        def keep_changing() -> int:
            turn = 0
            while not is_over.is_set():
                turn += 1
                states.sync(syncing, turn)
            return turn

        syncs = apart.submit(keep_changing)
        try:
            asked = _by_all(server, clients, [states.questions[n % _QUESTIONS] for n in range(count)], _timed)
        finally:
            is_over.set()
        changed = syncs.result(PATIENCE_S)
    wrong = [one.question for one in asked if one.answer not in alone[one.question]]
    found = {one.answer for one in asked}
    failures = [f"{len(wrong)} answers are of neither state, the first to {wrong[0]!r}"] if wrong else []
    if changed < 2 or not any(len(answers) > 1 and answers <= found for answers in alone.values()):
        failures.append(f"the notes changed {changed} times, and no question was answered from both states")
    p50, p99 = (statistics.quantiles([one.seconds for one in asked], n=100)[number - 1] for number in (50, 99))
    return {
        "clients": clients,
        "questions": len(asked),
        "syncs_meanwhile": changed,
        "p50_ms": round(1000 * p50),
        "p99_ms": round(1000 * p99),
        "failures": failures,
    }


def endure(server: Server, states: States, clients: int, count: int) -> dict[str, Any]:
    """Send ``count`` requests and return what the server holds in memory before and after."""
    before = server.memory_mb()
    _by_all(server, clients, list(range(count)), partial(_request, states.questions))
    after = server.memory_mb()
    growth = after / before - 1
    told = {"requests": count, "memory_mb": [round(before), round(after)], "memory_growth": round(growth, 3)}
    return {**told, "failures": [f"memory grew by {growth:.0%}"] if growth > _MOST_GROWTH else []}


def stop(server: Server, question: str, count: int) -> list[dict[str, Any]]:
    """Send SIGTERM where ``count`` questions were taken whose bodies have not come, and return the replies.

    The bodies follow once the server takes no other connection.
    """
    body = json.dumps({"question": question}).encode()
    told = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    with ExitStack() as stack:
        taken = [stack.enter_context(_connected(server)) for _ in range(count)]
        for connection in taken:
            connection.sendall(f"POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\n{told}".encode())
        for connection in taken:
            assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        server.process.terminate()
        until = time.monotonic() + PATIENCE_S
        while _is_listening(server):
            assert time.monotonic() < until
            time.sleep(0.01)
        for connection in taken:
            connection.sendall(body)
        # The server closes each connection behind its answer.
        answers = [b"".join(iter(partial(connection.recv, 65536), b"")) for connection in taken]
    assert server.process.wait(PATIENCE_S) in (0, -15)
    replies: list[dict[str, Any]] = []
    for answer in answers:
        head, _, content = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), answer
        replies.append(json.loads(content))
    return replies


def run(clients: int, questions: int, requests: int, seed: int, root: Path) -> dict[str, Any]:
    """Return how a server got on with as many ``clients``, ``questions`` and then ``requests``, and with its end."""
    states = States(root, seed)
    with started("tests.load", str(states.notes), str(states.index)) as server:
        asked = ask_meanwhile(server, states, clients, questions)
        held = endure(server, states, clients, requests)
        last = stop(server, states.questions[0], clients)
    failures = [*asked.pop("failures"), *held.pop("failures")]
    if len({said(reply) for reply in last}) != 1:
        failures.append("questions that were taken before SIGTERM are answered in different ways")
    return {"seed": seed, **asked, **held, "answered_after_sigterm": len(last), "failures": failures}


def _by_all(server: Server, clients: int, work: Sequence[Given], do: Callable[[Client, Given], Found]) -> list[Found]:
    """Do the ``work`` by ``clients`` at once, each with a share of it, and return what was found."""

    def share(number: int) -> list[Found]:
        with closing(Client(server)) as client:
            return [do(client, one) for one in work[number::clients]]

    with ThreadPoolExecutor(clients) as pool:
        return [found for shared in pool.map(share, range(clients)) for found in shared]


def _timed(client: Client, question: str) -> Asked:
    began = time.perf_counter()
    answer = client.ask(question)
    return Asked(question, answer, time.perf_counter() - began)


def _request(questions: Sequence[str], client: Client, number: int) -> None:
    kind = number % (len(_LOOKS) + 1)
    if kind < len(_LOOKS):
        client.send("GET", _LOOKS[kind])
    else:
        client.ask(questions[number // (len(_LOOKS) + 1) % len(questions)])


def _connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)


def _is_listening(server: Server) -> bool:
    try:
        _connected(server).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    notes, index = map(Path, sys.argv[1:])
    settings = Settings(notes=notes, index=index, port=0, watch=False)
    bot = StudyBot(settings, WordEncoder())
    bot.sync()
    serve(bot, partial(print, flush=True))
