"""Many at once, while the notes change: every answer is one that a single client would have been given."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studybot.bot import StudyBot
from tests import load
from tests.test_attacks import JSON, request, serving


def test_every_answer_is_that_of_one_state_of_the_notes(tmp_path: Path) -> None:
    found = load.run(clients=16, questions=120, requests=80, seed=8, root=tmp_path)
    # A server that has just begun still grows; `make trust` waits longer.
    assert [failure for failure in found["failures"] if "memory" not in failure] == []
    assert found["syncs_meanwhile"] >= 2
    assert found["answered_after_sigterm"] == 16


def test_a_server_that_is_told_to_stop_answers_what_it_took(notes: Path, tmp_path: Path) -> None:
    with load.started("studybot", "serve", str(notes), "--port", "0", "--index", str(tmp_path / "index")) as server:
        (reply,) = load.stop(server, "When was Louis XVI executed?", 1)
    assert reply["answer"]["text"] == "Louis XVI was executed in 1793. [1]"


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
