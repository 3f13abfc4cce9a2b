import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest
from fastapi.testclient import TestClient

from studybot.api import create_app
from studybot.bot import StudyBot
from studybot.notes import MAX_BYTES
from studybot.server import web_folder
from studybot.settings import Settings
from studybot.types import Vectors
from tests.word_encoder import WordEncoder

QUESTION = {"question": "When was Louis XVI executed?"}


class BrokenEncoder(WordEncoder):
    """Fails as a bug would."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        raise RuntimeError(f"no rows for {len(texts)} texts")


def client_of(bot: StudyBot, address: str = "127.0.0.1") -> TestClient:
    app = create_app(bot, web_folder())
    return TestClient(
        app,
        base_url="http://127.0.0.1",
        client=(address, 50000),
        raise_server_exceptions=False,
        follow_redirects=False,
    )


@pytest.fixture
def client(bot: StudyBot) -> TestClient:
    return client_of(bot)


def test_a_request_for_another_host_is_refused(client: TestClient) -> None:
    response = client.get("/api/status", headers={"Host": "evil.example"})
    assert response.status_code == 403
    assert response.json() == {
        "error": {"code": "host_refused", "message": "the request is for 'evil.example', not for this computer"}
    }


@pytest.mark.parametrize("path", ["/", "/docs", "/web/app.js", "/api/notes", "/healthz", "/openapi.json", "/nope"])
def test_another_host_is_refused_whatever_it_asks_for(client: TestClient, path: str) -> None:
    assert client.get(path, headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example:8765",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "localhost.",
        "192.168.0.7",
        "[::",
        "[",
    ],
)
def test_a_host_that_only_looks_like_this_computer_is_refused(client: TestClient, host: str) -> None:
    response = client.get("/api/status", headers={"Host": host})
    assert (response.status_code, response.json()["error"]["code"]) == (403, "host_refused")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8765", "localhost", "LocalHost:1", "[::1]", "[::1]:8765"])
def test_this_computer_is_answered_by_any_of_its_names(client: TestClient, host: str) -> None:
    assert client.get("/api/status", headers={"Host": host}).status_code == 200


def test_the_host_that_was_set_is_answered(bot: StudyBot) -> None:
    settings = Settings.model_validate({**bot.settings.model_dump(), "host": "Study.local"})
    client = client_of(StudyBot(settings, WordEncoder()))
    statuses = [
        client.get("/healthz", headers={"Host": host}).status_code for host in ("study.local:80", "other.local")
    ]
    assert statuses == [200, 403]


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "",
        "http://127.0.0.1:9999",
        "http://localhost",
        "file://",
        "http://[",
        "127.0.0.1",
    ],
)
def test_a_page_of_another_site_is_refused(client: TestClient, origin: str) -> None:
    response = client.post("/api/ask", json=QUESTION, headers={"Origin": origin})
    assert response.status_code == 403
    assert response.json() == {
        "error": {"code": "origin_refused", "message": f"the request comes from a page of {origin!r}"}
    }


def test_a_page_of_ours_is_answered(client: TestClient) -> None:
    headers = {"Host": "127.0.0.1:8765", "Origin": "http://127.0.0.1:8765", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/api/ask", json=QUESTION, headers=headers).status_code == 200


def test_a_preflight_of_another_site_is_refused(client: TestClient) -> None:
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "PUT"}
    response = client.options("/api/notes/kings.md", headers=headers)
    assert response.status_code == 403
    assert not [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_the_api_is_closed_to_other_sites_and_the_page_can_be_linked_to(client: TestClient, site: str) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    response = client.get("/api/notes", headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "origin_refused")
    assert client.get("/", headers=headers).status_code == 200


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_api_is_open_to_our_page_and_the_address_bar(client: TestClient, site: str) -> None:
    assert client.get("/api/notes", headers={"Sec-Fetch-Site": site}).status_code == 200


@pytest.mark.parametrize("address", ["192.168.0.7", "2001:db8::1", "testclient"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_notes_are_not_written_from_another_computer(bot: StudyBot, method: str, address: str) -> None:
    response = client_of(bot, address).request(method, "/api/notes/kings.md")
    assert (response.status_code, response.json()["error"]["code"]) == (403, "address_refused")
    assert bot.note("kings.md")[0].text.startswith("# Kings")


def test_another_computer_may_ask_when_it_uses_our_name(bot: StudyBot) -> None:
    assert client_of(bot, "192.168.0.7").post("/api/ask", json=QUESTION).status_code == 200


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_notes_are_written_from_this_computer(bot: StudyBot, address: str) -> None:
    client = client_of(bot, address)
    assert client.put("/api/notes/ferns.md", content=b"# Ferns\n").status_code == 201
    assert "event: done" in client.get("/api/index/events").text


def test_a_body_of_the_most_bytes_is_read_and_one_more_is_refused(client: TestClient) -> None:
    bodies = [b"x" * 65_536, b"x" * 65_537]
    responses = [client.post("/api/ask", content=body) for body in bodies]
    assert [response.status_code for response in responses] == [422, 413]
    assert responses[1].json() == {
        "error": {"code": "too_large", "message": "the body is too large; at most 65,536 bytes are taken here"}
    }


def test_a_body_in_chunks_is_refused_once_it_is_too_large(client: TestClient) -> None:
    taken: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number in range(4):
            taken.append(number)
            yield b"x" * 30_000

    response = client.post("/api/ask", content=chunks(), headers={"Content-Type": "application/json"})
    assert "content-length" not in response.request.headers
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")


def test_a_note_may_be_larger_than_a_question(bot: StudyBot, client: TestClient) -> None:
    text = "# Long\n\n" + "Ferns spread by spores.\n\n" * 2_700
    assert client.put("/api/notes/long.md", content=text.encode()).status_code == 201
    assert "event: done" in client.get("/api/index/events").text
    assert bot.note("long.md")[0].text == text


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_note_above_the_limit_of_notes_is_refused(bot: StudyBot, client: TestClient, is_chunked: bool) -> None:
    body = b"x" * (MAX_BYTES + 1)
    content = iter([body[:-1], body[-1:]]) if is_chunked else body
    response = client.put("/api/notes/long.md", content=content)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")
    assert not (bot.notes_folder / "long.md").exists()


@pytest.mark.parametrize("length", ["-1", "+5", "many", "1e3", "5 5", "", "9" * 5000, "\u00b2"])
def test_a_length_that_is_no_number_is_refused(client: TestClient, length: str) -> None:
    headers = {b"Content-Length": length.encode("latin-1"), b"Content-Type": b"application/json"}
    response = client.post("/api/ask", content=b"{}", headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/", {}, 200),
        ("GET", "/docs", {}, 200),
        ("GET", "/web/app.js", {}, 200),
        ("GET", "/docs/assets/swagger-ui.css", {}, 200),
        ("GET", "/openapi.json", {}, 200),
        ("GET", "/api/notes", {}, 200),
        ("GET", "/api/index/events", {}, 200),
        ("GET", "/api/nope", {}, 404),
        ("GET", "/api/ask", {}, 405),
        ("POST", "/api/ask", {}, 422),
        ("GET", "/api/notes", {"Host": "evil.example"}, 403),
        ("POST", "/api/ask", {"Content-Length": "99999"}, 413),
    ],
)
def test_every_response_has_the_headers_that_protect_it(
    client: TestClient, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    response = client.request(method, path, headers=headers)
    assert response.status_code == status
    assert_protected(response.headers, path)


def test_a_failure_is_told_in_the_one_shape_with_the_same_headers(bot: StudyBot) -> None:
    response = client_of(StudyBot(bot.settings, BrokenEncoder())).post("/api/ask", json=QUESTION)
    assert response.status_code == 500
    assert response.json() == {
        "error": {"code": "internal", "message": "studybot failed (RuntimeError); the server's log says where"}
    }
    assert_protected(response.headers, "/api/ask")


TOKEN = "correct-horse-battery"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def shared(make_bot: Callable[..., StudyBot]) -> TestClient:
    """Return a client on another computer, of a bot that asks for a token."""
    bot = make_bot(host="0.0.0.0", token=TOKEN)
    bot.sync()
    return client_of(bot, "192.168.0.7")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/notes"),
        ("GET", "/api/notes/kings.md"),
        ("POST", "/api/ask"),
        ("GET", "/api/status"),
        ("GET", "/api/nope"),
        ("POST", "/"),
    ],
)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer ü"},
        {"Cookie": f"studybot={TOKEN}"},
        {"Cookie": "studybot="},
        {"Cookie": "a" * 5000},
    ],
)
def test_without_the_token_nothing_is_answered(
    shared: TestClient, method: str, path: str, headers: dict[str, str]
) -> None:
    response = shared.request(
        method, path, headers={name.encode(): value.encode("latin-1") for name, value in headers.items()}
    )
    assert (response.status_code, response.json()["error"]["code"]) == (401, "token_refused")
    assert response.headers["www-authenticate"] == "Bearer"
    assert_protected(response.headers, path)


@pytest.mark.parametrize("path", ["/", "/notes", "/read?note=kings.md", "/docs", "/openapi.json", "/web/app.js"])
def test_a_page_is_shown_to_those_only_who_gave_the_token(shared: TestClient, path: str) -> None:
    response = shared.get(path)
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert_protected(response.headers, path)
    assert shared.get(path, headers=BEARER).status_code == 200


def test_the_token_is_given_once_for_a_cookie_that_no_script_and_no_other_site_has(shared: TestClient) -> None:
    assert shared.get("/login").status_code == 200
    given = shared.post("/login", json={"token": TOKEN})
    assert (given.status_code, given.content) == (204, b"")
    name, _, rest = given.headers["set-cookie"].partition("=")
    value, *attributes = rest.split("; ")
    # 400 days, the longest that browsers keep a cookie: one without an age is gone when the browser is closed.
    assert (name, sorted(attributes)) == ("studybot", ["HttpOnly", "Max-Age=34560000", "Path=/", "SameSite=strict"])
    assert TOKEN not in value
    assert shared.post("/api/ask", json=QUESTION).status_code == 200
    assert shared.get("/").status_code == 200


def test_a_wrong_token_is_given_no_cookie(shared: TestClient) -> None:
    response = shared.post("/login", json={"token": TOKEN.upper()})
    assert (response.status_code, response.json()["error"]["code"]) == (401, "token_refused")
    assert "set-cookie" not in response.headers
    assert shared.get("/api/notes").status_code == 401


def test_the_page_that_asks_for_the_token_needs_none(shared: TestClient) -> None:
    files, seen = ["/login"], set[str]()
    while files:
        response = shared.get(files.pop())
        seen.add(response.url.path)
        assert response.status_code == 200, response.url
        linked = re.findall(r'(?:src|href)="([^"]+)"|from "\.(/[^"]+)"', response.text)
        files += {link or f"/web{module}" for link, module in linked} - seen
    assert seen >= {"/login", "/web/login.js", "/web/api.js", "/web/style.css"}


def test_a_copy_of_a_module_is_used_only_while_it_is_todays(client: TestClient) -> None:
    first = client.get("/web/app.js")
    assert (first.status_code, first.headers["cache-control"]) == (200, "no-cache")
    again = client.get("/web/app.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["cache-control"]) == (304, b"", "no-cache")


def test_the_token_is_not_asked_for_to_tell_that_the_server_runs(shared: TestClient) -> None:
    assert shared.get("/healthz").json() == {"status": "ok"}


def test_with_a_token_an_address_is_answered_and_a_name_is_not(shared: TestClient) -> None:
    hosts = ["192.168.0.2:8765", "[fe80::1]:8765", "127.0.0.1", "evil.example", "192.168.0.2.evil.example"]
    statuses = [shared.get("/api/status", headers={**BEARER, "Host": host}).status_code for host in hosts]
    assert statuses == [200, 200, 200, 403, 403]


def test_the_token_does_not_open_the_api_to_pages_of_other_sites(shared: TestClient) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert shared.post("/api/ask", json=QUESTION, headers={**BEARER, **headers}).status_code == 403


def test_the_token_does_not_let_another_computer_write_notes(shared: TestClient) -> None:
    response = shared.put("/api/notes/kings.md", content=b"x", headers=BEARER)
    assert (response.status_code, response.json()["error"]["code"]) == (403, "address_refused")


def test_without_a_token_there_is_no_login(client: TestClient) -> None:
    assert [client.get("/login").status_code, client.post("/login", json={"token": ""}).status_code] == [404, 404]


def assert_protected(headers: Mapping[str, str], path: str) -> None:
    expected = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
    }
    assert {name: headers[name] for name in expected} == expected
    assert headers["content-security-policy"].startswith("default-src 'self'; base-uri 'none'; ")
    assert "access-control-allow-origin" not in headers
    assert headers["cache-control"] == ("no-store" if path.startswith("/api/") else "no-cache")
