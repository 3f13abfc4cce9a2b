"""Attacks on the server, each over a socket as an attacker would."""

import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from studybot.api import create_app
from studybot.bot import StudyBot
from studybot.database import Database
from studybot.errors import NoteNameInvalid, NotesError, SettingsInvalid
from studybot.notes import WINDOWS_FORBIDDEN, delete_note, read_note, write_note
from studybot.protocol import Protocol
from studybot.server import check_address, configured, web_folder
from studybot.settings import Settings
from tests.browser import PATIENCE_S, Served, served, state
from tests.test_guard import assert_protected
from tests.word_encoder import HeldEncoder

MakeBot = Callable[..., StudyBot]
SECRET = "the safe opens with 4711"
JSON = "Content-Type: application/json"


class Impatient(Protocol):
    """As the server's own, but what a test waits for comes sooner."""

    patience_s = 0.5


@contextmanager
def serving(bot: StudyBot, protocol: type[Protocol] = Protocol) -> Iterator[Served]:
    """Serve ``bot`` on a free port as ``studybot serve`` does."""
    config = configured(create_app(bot, web_folder()))
    config.http = protocol
    with served(bot, config) as server:
        yield server


@dataclass(frozen=True)
class Raw:
    """A response as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(json.loads(self.body)["error"]["code"])


def connected(server: Served) -> socket.socket:
    port = int(server.url.rstrip("/").rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)


def sent(server: Served, request: bytes) -> Raw:
    """Send the bytes of a request and return what comes back until the connection ends."""
    with connected(server) as connection:
        connection.sendall(request)
        return received(connection)


def received(connection: socket.socket) -> Raw:
    answer = b""
    while more := connection.recv(65536):
        answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return Raw(int(status.split()[1]), headers, body)


def request(server: Served, method: str, target: str, *headers: str, body: bytes = b"", host: str = "127.0.0.1") -> Raw:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return sent(server, "\r\n".join([*lines, "", ""]).encode("latin-1") + body)


@pytest.fixture
def guarded(bot: StudyBot) -> Iterator[Served]:
    with serving(bot) as server:
        yield server


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a file beside the notes folder that must not be read or written."""
    file = tmp_path / "secret.md"
    file.write_text(SECRET, encoding="utf-8")
    return file


def everything(folder: Path) -> dict[str, bytes]:
    """Return all files below ``folder`` but those of the index."""
    files = (file for file in folder.rglob("*") if file.is_file() and "index" not in file.parts)
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


@pytest.mark.parametrize(
    "head",
    [
        "GET /api/notes HTTP/1.1\r\nHost: evil.example",
        "GET /api/notes HTTP/1.1\r\nHost: evil.example:8765",
        "GET http://127.0.0.1/api/notes HTTP/1.1\r\nHost: evil.example",
        "GET /api/notes HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: 127.0.0.1",
        "GET /api/notes HTTP/1.1\r\nHost: evil.example#127.0.0.1",
        "GET /api/notes HTTP/1.1\r\nHost: 127.0.0.1 evil.example",
        "GET /api/notes HTTP/1.0",
    ],
)
def test_a_name_that_was_rebound_to_this_computer_reads_nothing(guarded: Served, head: str) -> None:
    response = sent(guarded, f"{head}\r\nConnection: close\r\n\r\n".encode())
    assert (response.status, response.code) == (403, "host_refused")


@pytest.mark.parametrize(
    "request_of",
    [
        "GET /api/notes HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
        "GET /api/notes HTTP/1.1\r\n\r\n",
        "POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        "POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip\r\n\r\n{}",
        "GET /api/notes HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A : b\r\n\r\n",
        "GET /api/notes HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: b\r\n\0: c\r\n\r\n",
        "GET /api/\u00fc HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_what_two_programs_could_read_in_two_ways_is_no_request(guarded: Served, request_of: str) -> None:
    assert sent(guarded, request_of.encode("latin-1")).status == 400


def test_a_second_request_hidden_in_a_body_is_not_answered(guarded: Served) -> None:
    hidden = b"GET /api/status HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    both = "Transfer-Encoding: chunked", f"Content-Length: {len(hidden) + 5}", JSON
    head = "\r\n".join(["POST /api/ask HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *both, "", ""])
    response = sent(guarded, head.encode() + b"0\r\n\r\n" + hidden)
    assert response.status in (400, 422)
    assert b"HTTP/1.1" not in response.body
    assert b"notes_folder" not in response.body


CROSS_SITE = {
    "a form": ("POST", "Origin: http://evil.example", "Content-Type: text/plain"),
    "a form in a sandbox": ("POST", "Origin: null", "Content-Type: application/x-www-form-urlencoded"),
    "another port of this computer": ("POST", "Origin: http://127.0.0.1:9", JSON),
    "a page that hides where it comes from": ("POST", "Sec-Fetch-Site: cross-site", JSON),
    "a page of a sibling name": ("POST", "Sec-Fetch-Site: same-site", JSON),
    "a preflight": ("OPTIONS", "Origin: http://evil.example", "Access-Control-Request-Method: POST"),
}


@pytest.mark.parametrize("headers", CROSS_SITE.values(), ids=CROSS_SITE)
def test_a_page_of_another_site_changes_nothing(
    guarded: Served, bot: StudyBot, tmp_path: Path, headers: tuple[str, ...]
) -> None:
    before = everything(tmp_path)
    method, *more = headers
    for target in ("/api/ask", "/api/index", "/api/notes/kings.md", "/api/conversations/x"):
        response = request(guarded, method, target, *more, body=b'{"question": "When was Louis XVI executed?"}')
        assert (response.status, response.code) == (403, "origin_refused")
        assert not [name for name in response.headers if name.startswith("access-control-")]
    assert everything(tmp_path) == before
    assert (bot.history().conversations(), bot.status().generation) == ([], 1)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_question_is_read_as_json_only(guarded: Served, bot: StudyBot, kind: str) -> None:
    body = b'{"question": "When was Louis XVI executed?"}'
    response = request(guarded, "POST", "/api/ask", f"Content-Type: {kind}", body=body)
    assert (response.status, response.code) == (422, "invalid")
    assert bot.history().conversations() == []


UPWARDS = [
    "../secret.md",
    "..%2fsecret.md",
    "%2e%2e/secret.md",
    "%2e%2e%2fsecret.md",
    "%252e%252e%252fsecret.md",
    "biology/../../secret.md",
    "biology/..%2f..%2fsecret.md",
    "biology/%2e%2e/%2e%2e/secret.md",
    "....//secret.md",
    "..;/secret.md",
    "..\\secret.md",
    "..%5csecret.md",
    "biology%5c..%5c..%5csecret.md",
    "%c0%ae%c0%ae%c0%afsecret.md",
    "%e0%80%ae%e0%80%ae/secret.md",
    "%ef%bc%8e%ef%bc%8e%ef%bc%8fsecret.md",
    "%e2%80%a6/secret.md",
    "..%00/secret.md",
    "secret.md%00.md",
    "%00/../secret.md",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "//secret.md",
    "%2f{outside}",
    "{outside}",
    "file:%2f%2f{outside}",
    "./../secret.md",
    ".%2e/secret.md",
    ".md/../../secret.md",
    "kings.md/../../secret.md",
    "kings.md%2f..%2f..%2fsecret.md",
    "~/secret.md",
    "biology/./cells.md%2f..%2f..%2f..%2fsecret.md",
]


def test_no_name_of_a_note_leads_out_of_the_folder(guarded: Served, tmp_path: Path, outside: Path) -> None:
    for where in UPWARDS:
        before = everything(tmp_path)
        target = where.replace("{outside}", quote(str(outside)))
        for base in ("/api/notes/", "/api/read/", "/web/", "/docs/assets/", "/"):
            response = request(guarded, "GET", base + target)
            assert (base, target, response.status) in [(base, target, 404), (base, target, 422)]
            assert SECRET.encode() not in response.body
        assert request(guarded, "DELETE", f"/api/notes/{target}").status in (404, 405, 422)
        assert everything(tmp_path) == before
        put = request(guarded, "PUT", f"/api/notes/{target}", body=b"# Overwritten\n")
        after = everything(tmp_path)
        # On this system some are names like any other: what they make lies within the folder.
        made = after.keys() - before.keys()
        assert {name: after[name] for name in before} == before
        assert all(name.startswith("notes/") for name in made)
        assert (target, put.status) in ([(target, 201)] if made else [(target, 404), (target, 405), (target, 422)])


WINDOWS = ["con.md", "CON.md", "biology/nul.txt", "aux /x.md", "com1.md", "lpt\u00b9.md", "CONOUT$.md", "prn.a.md"]
WINDOWS += ["c:x.md", "kings.md::$DATA.md", "..\\secret.md", "a\\b.md", "kings.md ", "a./b.md", "a /b.md", "a?.md"]


@pytest.mark.parametrize("path", WINDOWS)
def test_a_name_that_windows_reads_otherwise_is_none_there(path: str) -> None:
    assert WINDOWS_FORBIDDEN.search(path)


@pytest.mark.parametrize(
    "path", ["console.md", "my con.md", "biology/cells.md", "com.md", "com10.md", "a.b/c d.md", "é.md"]
)
def test_other_names_are_names_on_windows_too(path: str) -> None:
    assert WINDOWS_FORBIDDEN.search(path) is None


def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(notes: Path, tmp_path: Path) -> None:
    """Another process swaps a folder and a link to one outside, again and again, while notes are used.

    It waits a moment with either in place, and the notes are used until both were met, however a busy computer takes
    turns between the two.
    """
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "cells.md").write_text(SECRET, encoding="utf-8")
    before = everything(elsewhere)
    (notes / "link").symlink_to(elsewhere)
    stop = notes / "stop"
    swapper = os.fork()
    if swapper == 0:
        # What a test runner does at its end is not for this process.
        try:
            while not stop.exists():
                (notes / "biology").rename(notes / "kept")
                (notes / "link").rename(notes / "biology")
                time.sleep(0.0005)
                (notes / "biology").rename(notes / "link")
                (notes / "kept").rename(notes / "biology")
                time.sleep(0.0005)
        finally:
            os._exit(0)
    seen: set[str] = set()
    both = {"# Cells", "NoteNameInvalid"}
    give_up = time.monotonic() + 60
    try:
        for number in count():
            if (number >= 1_500 and both <= seen) or time.monotonic() > give_up:
                break
            try:
                seen.add(read_note(notes, "biology/cells.md").text[:7])
                write_note(notes, f"biology/new{number % 7}.md", b"# New\n")
                delete_note(notes, f"biology/new{number % 7}.md")
            except NotesError as error:
                seen.add(type(error).__name__)
    finally:
        stop.touch()
        os.waitpid(swapper, 0)
    assert everything(elsewhere) == before
    assert seen <= {"# Cells", "NoteNotFound", "NoteNameInvalid", "NoteUnreadable"}
    assert both <= seen


def test_a_link_to_a_note_is_not_followed_by_any_verb(guarded: Served, notes: Path, outside: Path) -> None:
    (notes / "link.md").symlink_to(outside)
    (notes / "shelf").symlink_to(outside.parent)
    for target in ("link.md", "shelf/secret.md"):
        for method in ("GET", "PUT", "DELETE"):
            response = request(guarded, method, f"/api/notes/{target}", body=b"# Overwritten\n" * (method == "PUT"))
            assert (response.status, response.code) == (422, "note_name_invalid")
    assert outside.read_text(encoding="utf-8") == SECRET
    with pytest.raises(NoteNameInvalid):
        read_note(notes, "link.md")


@pytest.mark.parametrize(
    "target",
    [
        "/%0d%0aSet-Cookie:%20a=b",
        "/api/notes/%0d%0aSet-Cookie:%20a=b.md",
        "/api/conversations/%0d%0aSet-Cookie:%20a=b/export",
        "/api/citations/%0d%0aSet-Cookie:%20a=b",
        "/web/%0d%0aSet-Cookie:%20a=b",
        "/web%0d%0aSet-Cookie:%20a=b/",
        "//evil.example/%2e%2e",
        "/api/read/%0d%0aSet-Cookie:%20a=b.md",
        "/figures/%0d%0aSet-Cookie:%20a=b",
        "/?%0d%0aSet-Cookie:%20a=b",
    ],
)
def test_no_part_of_an_address_becomes_a_header(guarded: Served, target: str) -> None:
    response = request(guarded, "GET", target)
    assert "set-cookie" not in response.headers
    assert "evil.example" not in response.headers.get("location", "")
    assert_protected(response.headers, target)


def test_a_request_that_comes_byte_by_byte_is_not_waited_for(bot: StudyBot) -> None:
    slow = [
        b"",
        b"G",
        b"GET /api/status HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ",
        b"POST /api/ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{",
        b"PUT /api/notes/new.md HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 90000\r\n\r\n#",
        b"PUT /api/notes/new.md HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n#\r\n",
        b"POST /nope HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900\r\n\r\n{",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /healthz HTTP/1.1\r\n",
    ]
    with serving(bot, Impatient) as server:
        connections = [connected(server) for _ in range(5) for _ in slow]
        for connection, begin in zip(connections, slow * 5, strict=True):
            connection.sendall(begin)
        assert request(server, "GET", "/api/status").status == 200
        waiting = set(connections)
        until = time.monotonic() + PATIENCE_S
        while waiting and time.monotonic() < until:
            for connection in list(waiting):
                try:
                    connection.sendall(b" ")
                    connection.settimeout(0.001)
                    if connection.recv(65536):
                        continue
                except TimeoutError:
                    continue
                except OSError:
                    pass
                connection.close()
                waiting.remove(connection)
        assert waiting == set()
        assert request(server, "GET", "/api/status").status == 200
    assert not (bot.notes_folder / "new.md").exists()


def test_a_client_that_leaves_in_the_middle_of_a_note_writes_nothing(
    guarded: Served, notes: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = everything(notes)
    with connected(guarded) as connection:
        connection.sendall(b"PUT /api/notes/new.md HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 90000\r\n\r\n# New")
    assert request(guarded, "GET", "/api/status").status == 200
    time.sleep(0.1)
    assert everything(notes) == before
    assert capfd.readouterr().err == ""


def test_listeners_keep_no_question_waiting(notes: Path, tmp_path: Path) -> None:
    held = HeldEncoder()
    held.may_go_on.set()
    bot = StudyBot(Settings(notes=notes, index=tmp_path / "index"), held)
    bot.sync()
    held.may_go_on.clear()
    held.is_reached.clear()
    (notes / "ferns.md").write_text("# Ferns\n\nFerns spread by spores.\n", encoding="utf-8")
    listen = b"GET /api/index/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with serving(bot) as server:
        assert request(server, "POST", "/api/index").status == 202
        assert held.is_reached.wait(PATIENCE_S)
        listeners = [connected(server) for _ in range(60)]
        for listener in listeners:
            listener.sendall(listen)
            assert listener.recv(10)
        assert request(server, "GET", "/api/conversations").status == 200
        held.may_go_on.set()
        for listener in listeners:
            listener.close()
    bot.close()


def test_of_ten_thousand_conversations_the_newest_are_listed(guarded: Served, bot: StudyBot) -> None:
    database = Database(bot.settings.index, write=True)
    with database.transaction():
        for number in range(10_000):
            identity = f"{number:032x}"
            database.run("INSERT INTO conversations (id, began) VALUES (?, ?)", (identity, float(number)))
            database.run(
                "INSERT INTO turns (conversation, place, asked, question, answer) VALUES (?, 1, 0, 'a?', '')",
                (identity,),
            )
        database.seal_rows("conversations")
        database.seal_rows("turns")
    database.close()
    everyone = request(guarded, "GET", "/api/conversations")
    assert everyone.status == 200, everyone.body
    assert len(everyone.body) < 40_000
    listed = json.loads(everyone.body)
    assert [int(one["id"], 16) for one in listed] == list(range(9_999, 9_799, -1))
    last = json.loads(request(guarded, "GET", "/api/conversations?limit=3&offset=9998").body)
    assert [int(one["id"], 16) for one in last] == [1, 0]
    assert request(guarded, "GET", "/api/conversations?limit=201").code == "invalid"
    assert request(guarded, "GET", f"/api/conversations?offset={2**63}").code == "invalid"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_other_computers_are_let_in_with_a_token_only(make_bot: MakeBot, host: str) -> None:
    with pytest.raises(
        SettingsInvalid, match=f"^other computers reach {host}, and would read your notes; set a token "
    ):
        check_address(make_bot(host=host).settings)
    check_address(make_bot(host=host, token="correct-horse-battery").settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_this_computer_needs_no_token(make_bot: MakeBot, host: str) -> None:
    check_address(make_bot(host=host).settings)


def test_a_browser_gives_the_token_once(make_bot: MakeBot, open_page: Callable[..., Page], problems: list[str]) -> None:
    bot = make_bot(host="0.0.0.0", token="correct-horse-battery")
    bot.sync()
    with serving(bot) as server:
        page = open_page(server, "read?note=kings.md")
        assert page.title() == "Token – studybot"
        page.get_by_label("Token").fill("correct-horse-batterie")
        page.get_by_role("button", name="Go on").click()
        expect(state(page)).to_have_text("this is not the token that studybot was started with")
        expect(state(page)).to_have_class("failed")
        page.get_by_label("Token").fill("correct-horse-battery")
        page.get_by_role("button", name="Go on").click()
        page.get_by_label("Ask your notes").wait_for()
        assert page.evaluate("document.cookie") == ""
        # Chromium tells of the refused token.
        assert [re.sub(r" \(.*", "", problem) for problem in problems] == [
            "Failed to load resource: the server responded with a status of 401"
        ]
        problems.clear()


def test_many_at_once_are_all_answered(guarded: Served) -> None:
    with ThreadPoolExecutor(64) as clients:
        found = list(clients.map(lambda _: request(guarded, "GET", "/api/notes").status, range(256)))
    assert found == [200] * 256
