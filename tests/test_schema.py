from pathlib import Path

from fastapi.testclient import TestClient

from studybot.bot import StudyBot
from tests import examination
from tests.test_api import client_of


def test_what_the_openapi_document_says_is_true(tmp_path: Path) -> None:
    found = examination.run(4, 8, tmp_path)
    assert found["failures"] == []
    assert found["operations"] >= 20
    assert found["requests"] >= 200


def test_every_error_is_documented_as_json_whatever_a_path_answers_with(bot: StudyBot) -> None:
    document = client_of(bot).get("/openapi.json").json()
    for methods in document["paths"].values():
        for operation in methods.values():
            for status in ("4XX", "5XX"):
                schema = operation["responses"][status]["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorJson"}
    events = document["paths"]["/api/index/events"]["get"]["responses"]["200"]
    assert list(events["content"]) == ["text/event-stream"]


def test_a_method_that_is_not_allowed_is_told_all_that_are(bot: StudyBot) -> None:
    client: TestClient = client_of(bot)
    allowed = {
        path: client.request("POST", path).headers["allow"] for path in ("/api/notes/a.md", "/api/conversations/a")
    }
    assert allowed == {"/api/notes/a.md": "DELETE, GET, PUT", "/api/conversations/a": "DELETE, GET, PATCH"}


def test_a_whole_number_may_be_written_with_a_point(bot: StudyBot) -> None:
    asked = client_of(bot).post(
        "/api/ask",
        content='{"question": "king", "top_k": 2.0}',
        headers={"Content-Type": "application/json"},
    )
    assert (asked.status_code, len(asked.json()["passages"])) == (200, 2)
