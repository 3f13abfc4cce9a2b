import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from studybot.bot import StudyBot
from studybot.conversation import Cited, Turn
from studybot.history import Conversation
from studybot.transcript import markdown
from tests.test_api import MakeBot, asked, client_of, error_code

EXECUTED = "Who was executed in 1793?"
UNDERSTOOD = "Who was executed in 1814? (and in 1814?)"


@pytest.fixture
def client(bot: StudyBot) -> TestClient:
    return client_of(bot)


@pytest.fixture
def held(client: TestClient) -> str:
    """Return the id of a conversation of two turns."""
    conversation: str = asked(client, EXECUTED)["conversation"]
    asked(client, "and in 1814?", conversation=conversation)
    return conversation


def shown(client: TestClient, conversation: str) -> Any:
    response = client.get(f"/api/conversations/{conversation}")
    assert response.status_code == 200
    return response.json()


def test_a_reply_says_how_a_follow_up_was_understood(client: TestClient) -> None:
    first = asked(client, EXECUTED)
    second = asked(client, "and in 1814?", conversation=first["conversation"])
    assert (first["interpreted_as"], second["question"]) == (None, "and in 1814?")
    assert second["interpreted_as"] == UNDERSTOOD
    typed = asked(client, "and in 1814?", conversation=first["conversation"], as_typed=True)
    assert (typed["interpreted_as"], typed["conversation"]) == (None, first["conversation"])


@pytest.mark.parametrize("as_typed", ["true", 1, None])
def test_as_typed_is_true_or_false(client: TestClient, as_typed: object) -> None:
    response = client.post("/api/ask", json={"question": EXECUTED, "as_typed": as_typed})
    assert (response.status_code, error_code(response.json())) == (422, "invalid")


def test_conversations_are_listed_newest_first(client: TestClient, held: str) -> None:
    newer = asked(client, "How large is a ribosome?")["conversation"]
    found = client.get("/api/conversations").json()
    assert [(one["id"], one["title"], one["turns"]) for one in found] == [
        (newer, "How large is a ribosome?", 1),
        (held, EXECUTED, 2),
    ]
    assert list(found[0]) == ["id", "title", "began", "turns"]
    began = datetime.fromisoformat(found[0]["began"])
    assert timedelta(0) <= datetime.now(UTC) - began < timedelta(minutes=5)


def test_a_conversation_is_shown_with_what_its_answers_cite(client: TestClient, held: str) -> None:
    found = shown(client, held)
    assert (found["id"], found["title"]) == (held, EXECUTED)
    first, second = found["turns"]
    assert first.pop("asked") <= second["asked"]
    reply = asked(client, EXECUTED)
    assert first.pop("citations")[0] == {
        "mark": 1,
        "id": reply["passages"][0]["citation"],
        "note": "kings.md",
        "heading": ["Kings"],
        "start_line": 3,
        "end_line": 4,
    }
    assert first == {
        "question": EXECUTED,
        "interpreted_as": None,
        "answered": True,
        "answer": reply["answer"]["text"],
    }
    assert (second["question"], second["interpreted_as"]) == ("and in 1814?", UNDERSTOOD)


def test_a_refusal_has_no_answer(make_bot: MakeBot) -> None:
    bot = make_bot(min_confidence=1.0)
    bot.sync()
    client = client_of(bot)
    conversation = asked(client, EXECUTED)["conversation"]
    (turn,) = shown(client, conversation)["turns"]
    assert (turn["answered"], turn["answer"], turn["citations"]) == (False, None, [])
    exported = client.get(f"/api/conversations/{conversation}/export").text
    assert exported.endswith(f"## {EXECUTED}\n\nNot in your notes.\n")


def test_a_conversation_is_exported_as_markdown(client: TestClient, held: str) -> None:
    response = client.get(f"/api/conversations/{held}/export")
    assert (response.status_code, response.headers["content-type"]) == (200, "text/markdown; charset=utf-8")
    day = shown(client, held)["began"][:10]
    quoted = asked(client, EXECUTED)["answer"]["text"].replace("\n", "\n> ")
    assert response.text.startswith(
        f"# {EXECUTED}\n\nAsked on {day}.\n\n## {EXECUTED}\n\n> {quoted}\n\n- [1] kings.md › Kings, lines 3–4\n"
    )
    assert f"\n\n## and in 1814?\n\nUnderstood as: {UNDERSTOOD}\n\n> " in response.text


def test_an_export_keeps_lines_within_quotes_and_questions_on_one_line() -> None:
    turn = Turn(
        question="What is\n# this?",
        interpreted_as=None,
        answer="```sh\n\nls\n``` [2]\nb [1]",
        refused=False,
        cited=(
            Cited(2, "YS9iLm1k.7-9.0000000000000000.00000000", ("A", "B")),
            Cited(1, "YS9iLm1k.1-1.0000000000000000.00000000", ()),
        ),
    )
    assert markdown(Conversation("c", "My\ntitle", 0.0, 1), [turn]) == (
        "# My title\n\nAsked on 1970-01-01.\n\n## What is # this?\n\n"
        "> ```sh\n>\n> ls\n> ``` [2]\n> b [1]\n\n- [2] a/b.md › A › B, lines 7–9\n- [1] a/b.md, lines 1–1\n"
    )


def test_a_conversation_is_shown_though_its_note_is_gone(client: TestClient, held: str, notes: Path) -> None:
    (notes / "kings.md").unlink()
    client.post("/api/index")
    client.get("/api/index/events")
    assert shown(client, held)["turns"][0]["citations"][0]["note"] == "kings.md"
    assert "kings.md › Kings, lines 3–4" in client.get(f"/api/conversations/{held}/export").text


def test_a_conversation_is_renamed(client: TestClient, held: str) -> None:
    response = client.patch(f"/api/conversations/{held}", json={"title": "  Heads  "})
    assert (response.status_code, response.json()["title"], response.json()["turns"]) == (200, "Heads", 2)
    assert shown(client, held)["title"] == "Heads"
    assert client.get(f"/api/conversations/{held}/export").text.startswith("# Heads\n")


@pytest.mark.parametrize("body", [{"title": ""}, {"title": " "}, {"title": "a" * 201}, {"title": 5}, {}, {"name": "a"}])
def test_a_title_that_is_none_is_refused(client: TestClient, held: str, body: object) -> None:
    response = client.patch(f"/api/conversations/{held}", json=body)
    assert (response.status_code, error_code(response.json())) == (422, "invalid")
    assert shown(client, held)["title"] == EXECUTED


def test_a_deleted_conversation_is_not_found(client: TestClient, held: str) -> None:
    assert client.delete(f"/api/conversations/{held}").status_code == 204
    assert client.get("/api/conversations").json() == []
    response = client.post("/api/ask", json={"question": EXECUTED, "conversation": held})
    assert (response.status_code, error_code(response.json())) == (404, "conversation_not_found")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nobody", 404, "conversation_not_found"),
        ("GET", "/nobody/export", 404, "conversation_not_found"),
        ("PATCH", "/nobody", 404, "conversation_not_found"),
        ("DELETE", "/nobody", 404, "conversation_not_found"),
        ("GET", "/a%2Fb", 404, "not_found"),
        ("POST", "", 405, "method_not_allowed"),
        ("PUT", "/nobody", 405, "method_not_allowed"),
    ],
)
def test_every_error_has_the_one_shape(client: TestClient, method: str, path: str, status: int, code: str) -> None:
    body = {"title": "Heads"} if method == "PATCH" else None
    response = client.request(method, f"/api/conversations{path}", json=body)
    assert (response.status_code, error_code(response.json())) == (status, code)


def test_conversations_cannot_be_changed_by_another_site(client: TestClient, held: str) -> None:
    elsewhere = {"Origin": "http://evil.example"}
    for method in ("PATCH", "DELETE"):
        response = client.request(
            method, f"/api/conversations/{held}", headers=elsewhere, json={"title": "x"} if method == "PATCH" else None
        )
        assert response.status_code == 403
    assert shown(client, held)["title"] == EXECUTED


def test_the_id_of_a_conversation_is_hexadecimal(held: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", held)
