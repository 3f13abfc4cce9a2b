import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from fastapi.testclient import TestClient

from studybot.api import create_app
from studybot.bot import StudyBot
from studybot.server import web_folder
from studybot.types import Refusal
from tests.conftest import CELLS, KINGS

MakeBot = Callable[..., StudyBot]

MEMBRANES = "What are the two membranes of mitochondria?"
EXECUTED = "When was Louis XVI executed?"


def client_of(bot: StudyBot) -> TestClient:
    return TestClient(create_app(bot, web_folder()), base_url="http://127.0.0.1", client=("127.0.0.1", 50000))


@pytest.fixture
def client(bot: StudyBot) -> TestClient:
    return client_of(bot)


def asked(client: TestClient, question: str, **more: object) -> dict[str, Any]:
    response = client.post("/api/ask", json={"question": question, **more})
    assert response.status_code == 200, response.text
    reply: dict[str, Any] = response.json()
    return reply


def error_code(content: Any) -> str:
    """Return the code of an error, after seeing that it has the one shape."""
    assert list(content) == ["error"]
    assert list(content["error"]) == ["code", "message"]
    code, message = content["error"].values()
    assert isinstance(message, str)
    assert message
    return str(code)


def synced(client: TestClient) -> list[str]:
    """Wait for the sync that is running, and return the names of the events that told of it."""
    return re.findall(r"^event: (\w+)$", client.get("/api/index/events").text, re.MULTILINE)


def test_a_reply_has_the_fields_of_the_contract(client: TestClient) -> None:
    reply = asked(client, EXECUTED)
    assert list(reply) == [
        "question",
        "interpreted_as",
        "conversation",
        "answered",
        "confidence",
        "answer",
        "reason",
        "missing",
        "passages",
        "timings_ms",
    ]
    assert list(reply["answer"]) == ["text", "quotes"]
    assert list(reply["answer"]["quotes"][0]) == ["text", "citation", "start_line", "end_line"]
    assert list(reply["passages"][0]) == [
        "rank",
        "id",
        "note",
        "heading",
        "start_line",
        "end_line",
        "text",
        "score",
        "runs",
        "citation",
        "link",
        "also_at",
    ]
    assert list(reply["passages"][0]["runs"][0]) == ["text", "evidence"]
    assert list(reply["timings_ms"]) == ["encode", "retrieve", "answer", "total"]


def test_an_answer_is_quoted_and_says_where_it_stands(client: TestClient, notes: Path) -> None:
    reply = asked(client, EXECUTED)
    assert (reply["question"], reply["answered"], reply["reason"]) == (EXECUTED, True, None)
    assert reply["answer"] == {
        "text": "Louis XVI was executed in 1793. [1]",
        "quotes": [{"text": "Louis XVI was executed in 1793.", "citation": 1, "start_line": 3, "end_line": 3}],
    }
    first = reply["passages"][0]
    assert (first["rank"], first["note"], first["heading"]) == (1, "kings.md", ["Kings"])
    assert (first["start_line"], first["end_line"]) == (3, 4)
    assert first["text"] == "Louis XVI was executed in 1793.\nHis brother became king in 1814."
    assert first["runs"] == [
        {"text": "Louis XVI was executed in 1793.", "evidence": True},
        {"text": "\nHis brother became king in 1814.", "evidence": False},
    ]
    assert first["link"] == f"vscode://file{(notes / 'kings.md').as_posix()}:3"


@pytest.mark.parametrize(
    "question", [EXECUTED, MEMBRANES, "How large is a ribosome?", "Who was king in 1814, and what is smooth?"]
)
def test_quotes_runs_and_lines_agree_with_the_note(client: TestClient, notes: Path, question: str) -> None:
    reply = asked(client, question)
    passages, quotes = reply["passages"], reply["answer"]["quotes"]
    assert [passage["rank"] for passage in passages] == list(range(1, len(passages) + 1))
    assert [passage["score"] for passage in passages] == sorted((p["score"] for p in passages), reverse=True)
    assert reply["answer"]["text"].split("\n") == [f"{quote['text']} [{quote['citation']}]" for quote in quotes]
    for passage in passages:
        lines = (notes / passage["note"]).read_text(encoding="utf-8").split("\n")
        assert passage["text"] == "\n".join(lines[passage["start_line"] - 1 : passage["end_line"]])
        assert "".join(run["text"] for run in passage["runs"]) == passage["text"]
        evidence = [run["text"] for run in passage["runs"] if run["evidence"]]
        own = [quote for quote in quotes if quote["citation"] == passage["rank"]]
        assert sorted(evidence) == sorted(quote["text"] for quote in own)
        for quote in own:
            assert quote["text"] in "\n".join(lines[quote["start_line"] - 1 : quote["end_line"]])
            assert passage["start_line"] <= quote["start_line"] <= quote["end_line"] <= passage["end_line"]
    assert {quote["citation"] for quote in quotes} <= {passage["rank"] for passage in passages}


def test_a_passage_tells_where_else_the_notes_say_the_same(client: TestClient, bot: StudyBot, notes: Path) -> None:
    (notes / "review.md").write_text(f"# Review\n\n## France\n{KINGS.split('# Kings')[1]}", encoding="utf-8")
    bot.sync()
    first, *others = asked(client, EXECUTED)["passages"]
    assert (first["note"], first["start_line"], first["end_line"]) == ("kings.md", 3, 4)
    assert first["also_at"] == [{"note": "review.md", "heading": ["Review", "France"], "start_line": 6, "end_line": 7}]
    assert [passage["also_at"] for passage in others] == [[], [], []]


def test_top_k_is_how_many_passages_a_reply_holds(client: TestClient) -> None:
    assert [len(asked(client, MEMBRANES, top_k=top_k)["passages"]) for top_k in (1, 2, 50)] == [1, 2, 4]


def test_a_citation_of_an_unchanged_note_is_current(client: TestClient) -> None:
    passage = asked(client, EXECUTED)["passages"][0]
    assert client.get(f"/api/citations/{passage['citation']}").json() == {
        "id": passage["citation"],
        "state": "current",
        "then": {"note": "kings.md", "start_line": 3, "end_line": 4},
        "now": {"note": "kings.md", "start_line": 3, "end_line": 4},
        "text": passage["text"],
    }


def test_a_citation_below_new_lines_has_moved(client: TestClient, notes: Path) -> None:
    passage = asked(client, EXECUTED)["passages"][0]
    (notes / "kings.md").write_text(KINGS.replace("# Kings\n", "# Kings\n\nOf France.\n"), encoding="utf-8")
    found = client.get(f"/api/citations/{passage['citation']}").json()
    assert found["state"] == "moved"
    assert found["then"] == {"note": "kings.md", "start_line": 3, "end_line": 4}
    assert found["now"] == {"note": "kings.md", "start_line": 5, "end_line": 6}
    assert found["text"] == passage["text"]


def test_a_citation_of_a_rewritten_passage_has_changed(client: TestClient, notes: Path) -> None:
    citation = asked(client, EXECUTED)["passages"][0]["citation"]
    (notes / "kings.md").write_text("# Kings\n\nLouis XVI lost his head in 1793.\n", encoding="utf-8")
    found = client.get(f"/api/citations/{citation}").json()
    assert found["state"] == "changed"
    assert found["now"] == {"note": "kings.md", "start_line": 1, "end_line": 3}
    assert found["text"] == "# Kings\n\nLouis XVI lost his head in 1793."


def test_a_citation_of_a_deleted_note_has_changed_and_stands_nowhere(client: TestClient, notes: Path) -> None:
    citation = asked(client, EXECUTED)["passages"][0]["citation"]
    (notes / "kings.md").unlink()
    assert synced(client) == ["idle"]
    client.post("/api/index")
    assert synced(client)[-1] == "done"
    found = client.get(f"/api/citations/{citation}").json()
    assert (found["state"], found["text"]) == ("changed", None)
    assert found["now"] == {"note": "kings.md", "start_line": None, "end_line": None}


def test_a_citation_of_a_renamed_note_has_moved_there_after_a_sync(client: TestClient, notes: Path) -> None:
    citation = asked(client, EXECUTED)["passages"][0]["citation"]
    (notes / "kings.md").rename(notes / "rulers.md")
    client.post("/api/index")
    assert synced(client)[-1] == "done"
    found = client.get(f"/api/citations/{citation}").json()
    assert (found["state"], found["now"]) == ("moved", {"note": "rulers.md", "start_line": 3, "end_line": 4})


def test_a_refusal_holds_the_nearest_passages_and_no_answer(make_bot: MakeBot) -> None:
    bot = make_bot(min_confidence=1.0)
    bot.sync()
    reply = asked(client_of(bot), EXECUTED)
    assert (reply["answered"], reply["answer"]) == (False, None)
    refusal = bot.ask(EXECUTED).outcome
    assert isinstance(refusal, Refusal)
    assert (reply["reason"], reply["confidence"]) == (refusal.reason, round(refusal.confidence, 4))
    assert 0.0 < reply["confidence"] < 1.0
    assert reply["passages"][0]["note"] == "kings.md"
    assert len(reply["passages"]) == 4
    assert [run["evidence"] for passage in reply["passages"] for run in passage["runs"]] == [False] * 4


def test_how_sure_to_be_can_be_said_with_the_question(client: TestClient) -> None:
    assert asked(client, EXECUTED, min_confidence=0)["answered"] is True
    assert asked(client, EXECUTED, min_confidence=1.0)["answered"] is False
    for wrong in (-0.1, 1.01, "0.5", True):
        response = client.post("/api/ask", json={"question": EXECUTED, "min_confidence": wrong})
        assert (response.status_code, response.json()["error"]["code"]) == (422, "invalid")


@pytest.mark.parametrize("top_k", [0, 51, -1, "5", 2.5, True, None])
def test_a_top_k_that_is_no_number_of_passages_is_refused(client: TestClient, top_k: object) -> None:
    response = client.post("/api/ask", json={"question": EXECUTED, "top_k": top_k})
    assert (response.status_code, error_code(response.json())) == (422, "invalid")
    assert response.json()["error"]["message"].startswith("top_k: ")


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("", "invalid"),
        ("a" * 1001, "invalid"),
        (5, "invalid"),
        (None, "invalid"),
        (" \n\t", "question_invalid"),
        ("?! … —", "question_invalid"),
    ],
)
def test_a_question_without_a_word_or_too_long_is_refused(client: TestClient, question: object, code: str) -> None:
    response = client.post("/api/ask", json={"question": question})
    assert (response.status_code, error_code(response.json())) == (422, code)


def test_a_question_of_a_thousand_characters_is_taken(client: TestClient) -> None:
    question = (EXECUTED + " why" * 300)[:1000]
    assert asked(client, question)["question"] == question


def test_an_unknown_field_is_refused_by_its_name(client: TestClient) -> None:
    response = client.post("/api/ask", json={"question": EXECUTED, "topk": 3})
    assert (response.status_code, error_code(response.json())) == (422, "invalid")
    assert response.json()["error"]["message"] == "topk: Extra inputs are not permitted"


def test_a_conversation_goes_on_under_the_id_that_was_given(client: TestClient) -> None:
    first = asked(client, EXECUTED)["conversation"]
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    assert asked(client, MEMBRANES, conversation=first)["conversation"] == first
    assert asked(client, MEMBRANES)["conversation"] != first


def test_an_unknown_conversation_is_not_found(client: TestClient) -> None:
    response = client.post("/api/ask", json={"question": EXECUTED, "conversation": "nobody"})
    assert (response.status_code, error_code(response.json())) == (404, "conversation_not_found")


@pytest.mark.parametrize("field", ['"conversation": "\\ud800"', '"notes": ["\\ud800"]', '"question": "king \\ud800"'])
def test_half_of_a_surrogate_pair_is_refused(client: TestClient, field: str) -> None:
    body = f'{{"question": "king", {field}}}'
    response = client.post("/api/ask", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, error_code(response.json())) == (422, "invalid")


def test_notes_restricts_a_question_to_notes_that_begin_so(client: TestClient) -> None:
    def found(*prefixes: str) -> set[str]:
        return {passage["note"] for passage in asked(client, EXECUTED, notes=prefixes)["passages"]}

    assert found("biology/") == {"biology/cells.md"}
    assert found("kings.md") == {"kings.md"}
    assert found("biology/", "kings") == {"biology/cells.md", "kings.md"}
    assert found("chemistry/") == set()


def test_a_question_about_no_note_is_refused_without_passages(client: TestClient) -> None:
    reply = asked(client, EXECUTED, notes=["chemistry/"])
    assert (reply["answered"], reply["confidence"], reply["passages"]) == (False, 0.0, [])
    assert reply["reason"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/nope", 404, "not_found"),
        ("GET", "/api", 404, "not_found"),
        ("GET", "/nope", 404, "not_found"),
        ("GET", "/web/nope.js", 404, "not_found"),
        ("GET", "/web/..%2fpyproject.toml", 404, "not_found"),
        ("GET", "/api/ask", 405, "method_not_allowed"),
        ("DELETE", "/api/status", 405, "method_not_allowed"),
        ("PATCH", "/api/notes/kings.md", 405, "method_not_allowed"),
        ("GET", "/api/citations/nope", 422, "citation_invalid"),
        ("GET", "/api/citations/a2luZ3MubWQ.4-3.92401aff3e34a244.b4b994a2", 422, "citation_invalid"),
        ("GET", "/api/notes/nope.md", 404, "note_not_found"),
        ("GET", "/api/notes/biology", 422, "note_name_invalid"),
        ("GET", "/api/notes/.hidden.md", 422, "note_name_invalid"),
        ("GET", "/api/notes/%2e%2e%2fx.md", 422, "note_name_invalid"),
        ("DELETE", "/api/notes/nope.md", 404, "note_not_found"),
        ("DELETE", "/api/notes/%2e%2e%2fx.md", 422, "note_name_invalid"),
    ],
)
def test_every_error_has_the_one_shape(client: TestClient, method: str, path: str, status: int, code: str) -> None:
    response = client.request(method, path)
    assert (response.status_code, error_code(response.json())) == (status, code)
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"question": ', 422, "invalid"),
        (b"", 422, "invalid"),
        (b"[]", 422, "invalid"),
        (b"\xff\xfe", 422, "invalid"),
        (b"[" * 60_000, 400, "bad_request"),
        (json.dumps({"question": "a" * 70_000}).encode(), 413, "too_large"),
    ],
)
def test_a_body_that_is_no_question_is_refused(client: TestClient, body: bytes, status: int, code: str) -> None:
    response = client.post("/api/ask", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, error_code(response.json())) == (status, code)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"question": ', "the body is no JSON (Expecting value, at character 14); wanted an object such as "),
        (b"", "the body is no JSON object; send one such as "),
        (b"[]", "the body is no JSON object; send one such as "),
        (b"{}", "question: Field required"),
    ],
)
def test_what_is_wrong_with_a_body_is_told_in_words(client: TestClient, body: bytes, message: str) -> None:
    response = client.post("/api/ask", content=body, headers={"Content-Type": "application/json"})
    assert response.json()["error"]["message"].startswith(message)


def test_without_an_index_the_service_is_unavailable(make_bot: MakeBot) -> None:
    client = client_of(make_bot())
    responses = [client.post("/api/ask", json={"question": EXECUTED}), client.get("/api/status")]
    assert [(response.status_code, error_code(response.json())) for response in responses] == [
        (503, "index_missing"),
        (503, "index_missing"),
    ]
    assert client.get("/healthz").json() == {"status": "ok"}


def test_without_a_notes_folder_notes_are_in_conflict(make_bot: MakeBot, tmp_path: Path) -> None:
    client = client_of(make_bot(notes=tmp_path / "gone"))
    response = client.get("/api/notes")
    assert (response.status_code, error_code(response.json())) == (409, "notes_folder_missing")


def test_notes_are_listed_with_what_is_indexed_of_them(client: TestClient) -> None:
    indexed = {"state": "indexed", "why": None}
    assert client.get("/api/notes").json() == [
        {"note": "biology/cells.md", "bytes": len(CELLS.encode()), "passages": 3, **indexed},
        {"note": "kings.md", "bytes": len(KINGS.encode()), "passages": 1, **indexed},
    ]


def test_a_note_comes_with_its_sections(client: TestClient) -> None:
    note = client.get("/api/notes/biology/cells.md").json()
    assert (note["note"], note["text"]) == ("biology/cells.md", CELLS)
    assert [(section["heading"], section["start_line"]) for section in note["sections"]] == [
        (["Cells"], 1),
        (["Cells", "Mitochondria"], 5),
        (["Cells", "Sizes"], 12),
    ]
    assert [section["end_line"] for section in note["sections"]] == [4, 11, len(CELLS.splitlines())]


def test_a_note_that_was_put_can_be_asked_after_the_sync(client: TestClient, notes: Path) -> None:
    put = client.put("/api/notes/plants/ferns.md", content=b"# Ferns\n\nFerns spread by spores.\n")
    assert (put.status_code, put.content) == (201, b"")
    assert synced(client)[-1] == "done"
    assert (notes / "plants" / "ferns.md").read_bytes() == b"# Ferns\n\nFerns spread by spores.\n"
    assert asked(client, "How do ferns spread?")["answer"]["text"] == "Ferns spread by spores. [1]"


def test_a_note_is_put_only_where_there_is_none_if_that_is_asked(client: TestClient, notes: Path) -> None:
    nothing_there = {"If-None-Match": "*"}
    refused = client.put("/api/notes/kings.md", content=b"# Other\n", headers=nothing_there)
    assert (refused.status_code, error_code(refused.json())) == (412, "note_exists")
    assert (notes / "kings.md").read_text(encoding="utf-8") == KINGS
    assert client.put("/api/notes/ferns.md", content=b"# Ferns\n", headers=nothing_there).status_code == 201
    assert client.put("/api/notes/ferns.md", content=b"# Moss\n", headers={"If-None-Match": '"x"'}).status_code == 204
    assert (notes / "ferns.md").read_bytes() == b"# Moss\n"


def test_a_note_that_was_put_again_is_replaced(client: TestClient, notes: Path) -> None:
    put = client.put("/api/notes/kings.md", content=b"# Kings\n\nLouis XVI was executed in January 1793.\n")
    assert (put.status_code, put.content) == (204, b"")
    assert synced(client)[-1] == "done"
    assert asked(client, EXECUTED)["answer"]["text"] == "Louis XVI was executed in January 1793. [1]"
    assert sorted(file.name for file in notes.iterdir()) == ["biology", "kings.md"]


@pytest.mark.parametrize(
    "path", ["%2e%2e%2fx.md", "biology/%2e%2e/%2e%2e/x.md", "x.exe", ".x.md", "%2fx.md", "a" * 300 + ".md"]
)
def test_a_note_with_a_name_that_leads_elsewhere_is_not_written(client: TestClient, tmp_path: Path, path: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    response = client.put(f"/api/notes/{path}", content=b"# X\n")
    assert (response.status_code, error_code(response.json())) == (422, "note_name_invalid")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_note_that_is_not_text_is_not_written(client: TestClient, notes: Path) -> None:
    response = client.put("/api/notes/photo.md", content=b"\x89PNG\0\0")
    assert (response.status_code, error_code(response.json())) == (422, "note_unreadable")
    assert not (notes / "photo.md").exists()


def test_a_deleted_note_is_gone_from_the_folder_and_the_index(client: TestClient, notes: Path) -> None:
    assert client.delete("/api/notes/kings.md").status_code == 204
    assert synced(client)[-1] == "done"
    assert not (notes / "kings.md").exists()
    assert {passage["note"] for passage in asked(client, EXECUTED)["passages"]} == {"biology/cells.md"}
    assert client.get("/api/notes/kings.md").status_code == 404


def test_a_sync_is_started_and_its_events_are_a_stream(client: TestClient, notes: Path) -> None:
    (notes / "ferns.md").write_text("# Ferns\n\nFerns spread by spores.\n", encoding="utf-8")
    started = client.post("/api/index")
    assert (started.status_code, started.json()) == (202, {"started": True})
    events = client.get("/api/index/events")
    assert events.headers["content-type"] == "text/event-stream; charset=utf-8"
    name, data = events.text.strip().split("\n\n")[-1].split("\n")
    assert name == "event: done"
    assert json.loads(data.removeprefix("data: "))["added"] == ["ferns.md"]


def test_status_tells_what_is_indexed(client: TestClient, notes: Path, tmp_path: Path) -> None:
    status = client.get("/api/status").json()
    assert re.fullmatch(r"\d+\.\d+\.\d+", status.pop("version"))
    assert status == {
        "notes_folder": str(notes),
        "index": str(tmp_path / "index"),
        "generation": 1,
        "notes": 2,
        "passages": 4,
        "statements": 10,
        "model": "words:1",
        "language": "English",
        "is_calibrated": False,
        "least_confidence": 0.0,
        "syncing": False,
    }


def test_the_openapi_document_lists_every_path(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {path: sorted(operations) for path, operations in paths.items()} == {
        "/api/ask": ["post"],
        "/api/conversations": ["get"],
        "/api/conversations/{identity}": ["delete", "get", "patch"],
        "/api/conversations/{identity}/export": ["get"],
        "/api/citations/{identity}": ["get"],
        "/api/notes": ["get"],
        "/api/notes/{path}": ["delete", "get", "put"],
        "/api/suggestions": ["get"],
        "/api/examples": ["get"],
        "/api/report": ["get"],
        "/api/report/{file}": ["get"],
        "/api/index": ["post"],
        "/api/index/events": ["get"],
        "/api/rendered/{path}": ["get"],
        "/api/status": ["get"],
        "/healthz": ["get"],
    }


@pytest.mark.parametrize("page", ["/", "/notes", "/figures", "/read", "/docs"])
def test_a_page_takes_everything_from_this_server(client: TestClient, page: str) -> None:
    response = client.get(page)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'self'" in response.headers["content-security-policy"]
    links = [link for link in re.findall(r'(?:src|href)="([^"]+)"', response.text) if link != page]
    assert len(links) >= 3
    for link in links:
        assert urlsplit(link).netloc == ""
        assert client.get(urljoin(page, link)).status_code == 200


def test_the_page_allows_nothing_from_elsewhere_and_no_inline_script(client: TestClient) -> None:
    assert client.get("/").headers["content-security-policy"] == (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
    )
    assert re.findall(r"<script(?![^>]*\bsrc=)", client.get("/").text) == []
