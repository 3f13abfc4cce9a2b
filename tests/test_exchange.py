from pathlib import Path
from typing import Any

import pytest

from studybot import exchange
from studybot.bot import StudyBot
from studybot.evaluation import evaluate
from studybot.questions import Question, load, written_out
from tests.conftest import CHECKOUT
from tests.test_retrieval import MakeBot

KING = [{"note": "kings.md", "start_line": 3, "end_line": 4}]
RIBOSOME = [{"note": "biology/cells.md", "start_line": 14, "end_line": 17}]


def question(identity: str, asks: str, evidence: list[dict[str, Any]], **more: Any) -> Question:
    known = {"id": identity, "question": asks, "kind": "fact", "answerable": bool(evidence), "answers": []}
    return Question.model_validate({**known, "evidence": evidence, **more})


ASKED = [
    question("a", "Who was executed in 1793?", KING),
    question("b", "who was it in 1814?", KING, follows="a", in_full="Who became king in 1814?"),
    question("c", "How large is a ribosome?", RIBOSOME, follows="b"),
    question("d", "why?", [], follows="c", in_full="Why is a ribosome so small?"),
    question("e", "why?", KING),
]


def test_each_question_is_asked_after_those_that_it_follows(bot: StudyBot) -> None:
    replies = exchange.ask(bot, ASKED, 2)
    assert [reply.interpreted_as for reply in replies] == [
        None,
        "who was it in 1814? (executed)",
        None,
        "How large is a ribosome? why?",
        None,
    ]
    assert {len(reply.hits) for reply in replies} == {2}


def test_nothing_is_kept_of_what_was_asked(bot: StudyBot) -> None:
    done: list[int] = []
    exchange.ask(bot, ASKED, 2, done.append)
    assert (bot.history().conversations(), done) == ([], [1, 2, 3, 4, 5])


def test_follow_ups_are_judged_beside_the_same_in_full_and_the_others_by_being_left_alone(bot: StudyBot) -> None:
    measured = {outcome.id: outcome.measures for outcome in evaluate(bot, ASKED, "test").outcomes}
    own = {exchange.FOLLOW_UP, exchange.IN_FULL, exchange.LEFT_ALONE}
    assert {identity: own & measures.keys() for identity, measures in measured.items()} == {
        "a": set(),
        "b": {exchange.FOLLOW_UP, exchange.IN_FULL},
        "c": {exchange.LEFT_ALONE},
        "d": set(),
        "e": set(),
    }
    assert measured["b"][exchange.FOLLOW_UP] == measured["b"]["MRR@10"] == 1.0
    assert (measured["b"][exchange.IN_FULL], measured["c"][exchange.LEFT_ALONE]) == (1.0, 1.0)


def test_a_question_that_is_not_left_alone_counts_against_it(bot: StudyBot) -> None:
    asked = [ASKED[0], question("b", "why?", KING, follows="a")]
    run = evaluate(bot, asked, "test")
    assert run.outcomes[1].measures[exchange.LEFT_ALONE] == 0.0


def test_the_share_is_of_the_sums() -> None:
    def measured(follow_up: float, in_full: float) -> dict[str, float]:
        return {exchange.FOLLOW_UP: follow_up, exchange.IN_FULL: in_full}

    found = exchange.figures([measured(0.5, 1.0), {"MRR@10": 0.1}, measured(0.25, 0.5)])
    assert (list(found), found[exchange.SHARE].value, found[exchange.SHARE].n) == ([exchange.SHARE], 0.5, 2)
    # (0.5 + 1) / (1 + 0.5): a follow-up may do better than the question in full.
    assert exchange.figures([measured(0.5, 1.0), measured(1.0, 0.5)])[exchange.SHARE].value == 1.0
    assert exchange.figures([measured(0.5, 0.0)]) == exchange.figures([{"MRR@10": 1.0}]) == exchange.figures([]) == {}


def test_written_out_no_question_follows_another() -> None:
    found = written_out(ASKED)
    assert [one.question for one in found[:4]] == [
        "Who was executed in 1793?",
        "Who became king in 1814?",
        "How large is a ribosome?",
        "Why is a ribosome so small?",
    ]
    assert {(one.follows, one.in_full) for one in found} == {(None, None)}
    assert [one.evidence for one in found] == [one.evidence for one in ASKED]


def test_the_projects_own_conversations_quote_the_sample_notes(make_bot: MakeBot) -> None:
    bot = make_bot(notes=CHECKOUT / "notes")
    bot.sync()
    asked = load(CHECKOUT / "eval" / "conversations.jsonl")
    run = evaluate(bot, asked, "conversations")
    assert (run.questions, run.unreachable, run.missing) == (tuple(asked), (), ())
    assert sum(one.follows is None for one in asked) == 40
    assert run.outcomes  # each has been asked
    in_conversation = [(q, r) for q, r in zip(run.questions, run.replies, strict=True) if q.follows is not None]
    assert [q.id for q, r in in_conversation if (r.interpreted_as is None) != (q.in_full is None)] == []


def test_a_file_whose_questions_follow_nothing_is_refused(tmp_path: Path) -> None:
    from studybot.errors import QuestionSetInvalid

    row = ASKED[1].model_dump_json()
    (tmp_path / "q.jsonl").write_text(f"{ASKED[0].model_dump_json()}\n{ASKED[4].model_dump_json()}\n{row}\n")
    with pytest.raises(QuestionSetInvalid, match=r"line 3: it follows 'a', wanted the question above, 'e'$"):
        load(tmp_path / "q.jsonl")
    (tmp_path / "q.jsonl").write_text(f"{row}\n")
    with pytest.raises(QuestionSetInvalid, match=r"line 1: it follows 'a', but there is no question above$"):
        load(tmp_path / "q.jsonl")
    bad = ASKED[1].model_dump() | {"follows": None}
    with pytest.raises(ValueError, match="in_full is for a question that follows another one"):
        Question.model_validate(bad)
    with pytest.raises(ValueError, match="the question has no word"):
        Question.model_validate(ASKED[1].model_dump() | {"in_full": "?!"})
