import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from studybot import evaluation, fitted, fitting, measuring, metrics, questions
from studybot.answering import quotes
from studybot.bot import StudyBot
from studybot.cli import app
from studybot.errors import FittedUnwritable, TrainingInvalid
from studybot.fitted import Confidence, Fitted, Fusion, Selection
from studybot.fitting import (
    Fit,
    HeldOut,
    _confidence,
    _fusion,
    _Judged,
    _reciprocal_rank,
    _selection,
)
from studybot.measuring import Collection, QuestionFile
from studybot.questions import Evidence, Question
from studybot.training import Found, Training
from tests.word_encoder import WordEncoder

Collections = dict[str, tuple[StudyBot, list[Question]]]
MakeBot = Callable[..., StudyBot]

FACTS = {
    "animals.jsonl": {"Otter": "eats urchins", "Heron": "hunts frogs", "Badger": "digs setts", "Lynx": "stalks hares"},
    "metals.jsonl": {"Copper": "conducts", "Mercury": "melts early", "Tungsten": "resists", "Lithium": "floats on oil"},
    "rivers.jsonl": {"Danube": "ends late", "Volga": "feeds a sea", "Loire": "crosses Orleans", "Tagus": "is Iberian"},
}
BEFORE = Fusion(0.2, 0.4, 0.4, {"title": 4.0, "path": 3.0, "body": 1.0})


def notes_about(folder: Path, facts: Mapping[str, str]) -> list[Question]:
    """Write one note with a section for each fact, and return the question whose evidence it is."""
    folder.mkdir(exist_ok=True)
    sections = [f"## {name}\n\nThe {name} {fact}.\n" for name, fact in facts.items()]
    (folder / "notes.md").write_text("\n".join(sections), encoding="utf-8")
    return [
        Question(
            id=name,
            question=f"What about the {name}?",
            kind="fact",
            answerable=True,
            answers=[fact],
            # Four lines a section, of which the third is the fact.
            evidence=[Evidence(note="notes.md", start_line=4 * number + 3, end_line=4 * number + 3)],
        )
        for number, (name, fact) in enumerate(facts.items())
    ]


@pytest.fixture
def collect(tmp_path: Path, make_bot: MakeBot) -> Callable[[str], Collections]:
    """Return what indexes the three collections of notes, in a folder of that name."""

    def collect(folder: str) -> Collections:
        found = {}
        for name, facts in FACTS.items():
            notes = tmp_path / Path(name).stem
            asked = notes_about(notes, facts)
            bot = make_bot(notes=notes, index=tmp_path / folder / name)
            bot.sync()
            found[name] = (bot, asked)
        return found

    return collect


@pytest.fixture
def collections(collect: Callable[[str], Collections]) -> Collections:
    """Return three collections, each of a subject of its own, in which every question finds its evidence."""
    return collect("index")


@pytest.fixture
def fitted_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a copy of the package's data file that is in its place during the test."""
    file = tmp_path / "fitted.json"
    file.write_bytes(fitted.FILE.read_bytes())
    monkeypatch.setattr(fitted, "FILE", file)
    fitted.load.cache_clear()
    yield file
    fitted.load.cache_clear()


def fit_files(collections: Collections) -> list[str]:
    """Fit as the command does, and return what it said."""
    said: list[str] = []
    files = [Collection(QuestionFile(name, tuple(asked)), bot) for name, (bot, asked) in collections.items()]
    measuring.fit(files, said.append)
    return said


def with_questions(collections: Collections, **changes: object) -> Collections:
    """Return ``collections`` with something else in every question."""
    return {
        name: (bot, [question.model_copy(update=changes) for question in asked])
        for name, (bot, asked) in collections.items()
    }


def choice(dense: float, statement: float, lexical: float, *, right: bool = True) -> Found:
    """Return two passages whose parts differ by these; the first is relevant where they are ``right``."""
    return Found(np.array([[dense, statement, lexical], [0.0, 0.0, 0.0]]), np.array([right, not right]))


def choices(parts: tuple[float, float, float], right: int, wrong: int) -> list[Found]:
    return [choice(*parts)] * right + [choice(*parts, right=False)] * wrong


DENSE, STATEMENT, LEXICAL = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def weights(fusion: Fusion) -> tuple[float, float, float]:
    return fusion.dense, fusion.statement, fusion.lexical


def test_the_same_questions_over_the_same_notes_give_the_same_bytes(
    collect: Callable[[str], Collections], fitted_file: Path
) -> None:
    first = collect("first")
    found = fitting.fit(first)
    fitted.save(found.fitted)
    written = fitted_file.read_bytes()
    assert fitted.load() == found.fitted
    assert list(found.fitted.questions.items()) == [(name, 4) for name in FACTS]
    assert found.fitted.pipeline == first["rivers.jsonl"][0].pipeline
    # Asked once more by other bots, in another order.
    again = fitting.fit(dict(reversed(collect("second").items())))
    assert again == found
    fitted.save(again.fitted)
    assert fitted_file.read_bytes() == written


def test_the_statement_that_holds_the_answer_is_learned_to_be_quoted_first(collections: Collections) -> None:
    learned = fitting.fit(collections).fitted
    assert list(learned.selection.weights) == ["statement", "passage", "rank"]
    for bot, asked in collections.values():
        for question in asked:
            hits = bot.lookup().hits(bot.lookup().query(question.question), learned.fusion, 5)
            assert question.answers[0] in quotes(hits, learned.selection)[0].text


def test_where_no_statement_holds_an_answer_nothing_is_learned_of_quoting(collections: Collections) -> None:
    changed = with_questions(collections, answers=["nowhere"])
    known = [Training(bot, evaluation.locate(bot, asked)) for bot, asked in changed.values()]
    assert dict(_selection(known, BEFORE).weights) == {"statement": 0.0, "passage": 0.0, "rank": 0.0}


def test_all_weight_is_on_the_part_that_tells_the_evidence() -> None:
    # Dense parts speak for the evidence as often as against it, statements against it.
    found = _fusion([choices(DENSE, 2, 2) + choices(STATEMENT, 1, 3) + choices(LEXICAL, 3, 1)], BEFORE)
    assert found == replace(BEFORE, dense=0.0, statement=0.0, lexical=1.0)


def test_weights_are_those_of_a_logit() -> None:
    # A part that alone tells two passages apart, and rightly r times of r + w, weighs ln(r / w):
    # ln 2, ln 4 and ln 8 are 1, 2 and 3 parts of 6.
    asked = choices(DENSE, 2, 1) + choices(STATEMENT, 4, 1) + choices(LEXICAL, 8, 1)
    assert weights(_fusion([asked], BEFORE)) == pytest.approx((1 / 6, 2 / 6, 3 / 6), abs=0.001)
    # What has all or nothing relevant in it leaves nothing to choose.
    nothing = [Found(np.ones((2, 3)) * [[9.0], [1.0]], np.array([flag, flag])) for flag in (True, False)]
    nothing.append(Found(np.empty((0, 3)), np.empty(0, bool)))
    assert weights(_fusion([asked + nothing * 3], BEFORE)) == pytest.approx((1 / 6, 2 / 6, 3 / 6), abs=0.001)


def test_every_collection_counts_alike() -> None:
    few = choices(DENSE, 4, 1) + choices(STATEMENT, 1, 1) + choices(LEXICAL, 1, 1)
    many = (choices(DENSE, 1, 1) + choices(STATEMENT, 1, 1) + choices(LEXICAL, 4, 1)) * 7
    assert weights(_fusion([few, many], BEFORE)) == pytest.approx((0.5, 0.0, 0.5), abs=0.001)


PART = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
ROWS = st.lists(st.tuples(PART, PART, PART, st.booleans()), min_size=1, max_size=5)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(ROWS, min_size=1, max_size=6))
def test_weights_are_not_negative_and_sum_to_one(drawn: list[list[tuple[float, float, float, bool]]]) -> None:
    found = [Found(np.array([row[:3] for row in rows]), np.array([row[3] for row in rows])) for rows in drawn]
    # Twice as many questions whose evidence is the better one in all: some weight is above 0.
    better = [choice(1.0, 1.0, 1.0)] * (2 * len(found) + 1)
    fitted_to = weights(_fusion([found + better], BEFORE))
    assert min(fitted_to) >= 0.0
    assert sum(fitted_to) == pytest.approx(1.0, abs=1e-12)


def test_a_reciprocal_rank_counts_the_worst_of_equal_scores() -> None:
    def rank(relevant: float, *others: float) -> float:
        parts = np.array([[score, 0.0, 0.0] for score in (relevant, *others)])
        return _reciprocal_rank(Found(parts, np.array([True] + [False] * len(others))), replace(BEFORE, dense=1.0))

    assert rank(0.9, 0.5, 0.1) == 1.0
    assert rank(0.5, 0.9, 0.1) == 1 / 2
    assert rank(0.5, 0.9, 0.5) == 1 / 3
    assert rank(0.5, *[0.9] * 9) == 1 / 10
    assert rank(0.5, *[0.9] * 10) == 0.0
    assert _reciprocal_rank(Found(np.ones((2, 3)), np.array([False, False])), BEFORE) == 0.0


def confidences(collections: Collections, found: Fit, encoder: WordEncoder, *, own: bool) -> list[float]:
    """Return the confidences of the answers to each collection's own questions, or to those of the others."""
    return [
        StudyBot(bot.settings, encoder, found.fitted).ask(question.question).outcome.confidence
        for name, (bot, _) in collections.items()
        for about, (_, asked) in collections.items()
        for question in asked
        if (about == name) is own
    ]


def test_answers_are_more_confident_than_those_to_questions_about_other_notes(
    collections: Collections, encoder: WordEncoder
) -> None:
    found = fitting.fit(collections)
    answerable, foreign = (confidences(collections, found, encoder, own=own) for own in (True, False))
    assert (len(answerable), len(foreign)) == (12, 24)
    assert min(answerable) > max(foreign)
    # So they are where they were not learned from.
    assert [held.auroc for held in found.held_out.values()] == [{"hidden": 1.0, "foreign": 1.0}] * 3


def test_the_threshold_withholds_at_most_five_in_a_hundred_right_answers(
    collections: Collections, encoder: WordEncoder
) -> None:
    found = fitting.fit(collections)
    # All twelve are right; one of them would be more.
    assert min(confidences(collections, found, encoder, own=True)) >= found.fitted.confidence.threshold


def test_a_collection_is_measured_with_what_the_others_teach(collections: Collections) -> None:
    right = fitting.fit(collections)
    bot, asked = collections["animals.jsonl"]
    wrong = fitting.fit(
        {**collections, "animals.jsonl": (bot, [q.model_copy(update={"answers": ["nothing"]}) for q in asked])}
    )
    one, other = right.held_out["animals.jsonl"], wrong.held_out["animals.jsonl"]
    assert (one.n, one.mrr, one.mrr_before) == (4, 1.0, 1.0)
    # All right or all wrong, its confidences c are the same: the error is the mean of 1 - c, then that of c.
    assert one.calibration_error + other.calibration_error == pytest.approx(1.0)
    assert one.auroc == other.auroc
    assert right.fitted.confidence != wrong.fitted.confidence
    assert right.held_out["rivers.jsonl"].calibration_error != wrong.held_out["rivers.jsonl"].calibration_error


def test_what_is_told_of_a_collection_is_what_a_bot_does_that_learned_from_the_others_alone(
    collections: Collections, encoder: WordEncoder
) -> None:
    bot, asked = collections["rivers.jsonl"]
    # With evidence in a section about something else, the rivers teach other weights than animals and metals do.
    asked[1] = asked[1].model_copy(update={"evidence": asked[0].evidence})
    others = {name: collections[name] for name in ("animals.jsonl", "metals.jsonl")}

    def measured(learned: Fitted) -> list[float | None]:
        taught = StudyBot(bot.settings, encoder, learned)
        run = evaluation.evaluate(taught, asked, "rivers.jsonl")
        own = [outcome.confidence for outcome in run.outcomes]
        elsewhere = [question for _, asked_there in others.values() for question in asked_there]
        foreign = [taught.ask(question.question).outcome.confidence for question in elsewhere]
        return [
            metrics.auroc(own + foreign, [1] * len(own) + [0] * len(foreign)),
            metrics.calibration_error(own, [outcome.correct for outcome in run.outcomes]),
            sum(confidence < learned.confidence.threshold for confidence in own) / len(own),
            sum(confidence < learned.confidence.threshold for confidence in foreign) / len(foreign),
        ]

    found = fitting.fit(collections)
    held = found.held_out["rivers.jsonl"]
    told = [held.auroc["foreign"], held.calibration_error, held.refused["own"], held.refused["foreign"]]
    assert told == pytest.approx(measured(fitting.fit(others).fitted))
    assert told != pytest.approx(measured(found.fitted))


def test_files_over_the_same_notes_are_left_out_together(collections: Collections) -> None:
    bot, asked = collections["animals.jsonl"]
    halves = {**collections, "animals.jsonl": (bot, asked[:2]), "more animals.jsonl": (bot, asked[2:])}
    right = fitting.fit(halves)
    wrong = fitting.fit({**halves, **with_questions({"more animals.jsonl": (bot, asked[2:])}, answers=["nothing"])})
    assert right.held_out["animals.jsonl"] == wrong.held_out["animals.jsonl"]
    # Others learn from both.
    assert right.held_out["metals.jsonl"] != wrong.held_out["metals.jsonl"]


def test_questions_that_the_notes_nearly_answer_teach_the_confidence_and_are_told(collections: Collections) -> None:
    bot, asked = collections["rivers.jsonl"]
    # The same words as those of an answered question: nothing can tell them apart, and the confidence is lower for it.
    absent = {"answerable": False, "kind": "unanswerable", "answers": [], "evidence": []}
    near = [question.model_copy(update={**absent, "id": f"{question.id} absent"}) for question in asked]
    without, found = fitting.fit(collections), fitting.fit({**collections, "rivers.jsonl": (bot, [*asked, *near])})
    held = found.held_out["rivers.jsonl"]
    assert (held.n, held.auroc["near-miss"]) == (len(asked), 0.5)
    assert held.refused["near-miss"] == held.refused["own"]
    assert "near-miss" not in found.held_out["animals.jsonl"].auroc
    assert found.fitted.fusion == without.fitted.fusion
    assert found.fitted.confidence != without.fitted.confidence
    assert found.fitted.questions == without.fitted.questions


def test_what_was_done_to_the_questions_of_a_collection_weighs_the_same_however_many_they_are() -> None:
    def judged(**counts: int) -> list[_Judged]:
        return [_Judged({"score": 0.0}, origin == "own", origin) for origin, n in counts.items() for _ in range(n)]

    # A feature that tells nothing: how likely an answer is right is their share of the weight, 1 of 1 + 0.05 + 0.1.
    for collection in (judged(own=1, hidden=9, foreign=9), judged(own=9, hidden=2, foreign=1)):
        found = _confidence([collection, judged(own=3, hidden=3, foreign=3)])
        assert found.probability({"score": 0.0}) == pytest.approx(1 / 1.15, abs=0.001)


def test_what_changed_and_what_was_measured_is_told_in_a_table() -> None:
    before = replace(
        fitted.load(),
        fusion=BEFORE,
        selection=Selection({"statement": 6.0}),
        confidence=Confidence(-2.5, {"score": 2.0, "statement": 1.0}, threshold=0.25),
    )
    now = replace(
        before,
        fusion=replace(BEFORE, dense=0.5, statement=0.125, lexical=0.375),
        selection=Selection({"statement": 12.5, "rank": -0.75}),
        confidence=Confidence(1.5, {"score": 2.25, "lead": -6.0}, threshold=0.5),
    )
    # Of a.jsonl nothing was asked elsewhere.
    held_out = {
        "a.jsonl": HeldOut(40, 0.75, 0.5, {"hidden": 0.875}, 0.0625, {"own": 0.05, "hidden": 0.5}),
        "b.jsonl": HeldOut(8, 0.25, 1.0, {"hidden": 0.5, "foreign": 1.0}, 0.1, {"own": 0.25, "near-miss": 0.5}),
    }
    changes, measured = fitting.table(Fit(now, held_out), before).split("\n\n")
    assert changes.split("\n") == [
        "dense              0.200 -> 0.500",
        "statement          0.400 -> 0.125",
        "lexical            0.400 -> 0.375",
        "quote statement    6.000 -> 12.500",
        "quote rank         0.000 -> -0.750",
        "intercept         -2.500 -> 1.500",
        "score              2.000 -> 2.250",
        "lead               0.000 -> -6.000",
        "threshold          0.250 -> 0.500",
    ]
    *_, a, b, mean = measured.split("\n")
    assert a.split() == ["a.jsonl", "40", "0.750", "(0.500)", "-", "0.875", "-", "0.062", "0.05", "-", "0.50", "-"]
    assert b.split() == ["b.jsonl", "8", "0.250", "(1.000)", "-", "0.500", "1.000", "0.100", "0.25", "0.50", "-", "-"]
    # (0.75 + 0.25) / 2, (0.5 + 1) / 2
    assert mean.split() == ["mean", "0.500", "(0.750)"]
    # Cells stand below each other, also where there is nothing to tell.
    assert [cell.end() for cell in re.finditer(r"\S+", a)] == [cell.end() for cell in re.finditer(r"\S+", b)]


def test_what_was_fitted_is_told_and_takes_the_place_of_what_was_there(
    collections: Collections, fitted_file: Path
) -> None:
    before = fitted.load()
    found = fitting.fit(collections)
    assert fit_files(collections) == [fitting.table(found, before), f"written to {fitted_file}"]
    assert fitted.load() == found.fitted != before
    # Fitted again, it is the same but for what it is compared with.
    assert fit_files(collections)[0] == fitting.table(fitting.fit(collections), found.fitted)


def unfindable(collections: Collections) -> Collections:
    # The line of a heading is in no passage.
    hidden = with_questions(collections, evidence=[Evidence(note="notes.md", start_line=1, end_line=1)])
    return {**collections, "metals.jsonl": hidden["metals.jsonl"]}


def contradicted(collections: Collections) -> Collections:
    """Return collections in which every passage but the evidence speaks for itself."""
    return {
        name: (bot, [q.model_copy(update={"evidence": asked[n - 1].evidence}) for n, q in enumerate(asked)])
        for name, (bot, asked) in collections.items()
    }


@pytest.mark.parametrize(
    ("collections_of", "problem"),
    [
        (lambda found: {}, "over two folders of notes"),
        (lambda found: {"rivers.jsonl": found["rivers.jsonl"]}, "over two folders of notes"),
        (lambda found: dict.fromkeys(found, found["rivers.jsonl"]), "over two folders of notes"),
        (lambda found: {**found, "metals.jsonl": (found["metals.jsonl"][0], [])}, r"^metals\.jsonl: no question has"),
        (unfindable, r"^metals\.jsonl: no question has its evidence among the passages"),
        # There is nothing to tell right answers from wrong ones by.
        (lambda found: with_questions(found, answers=[]), r"\w"),
        (lambda found: with_questions(found, answers=["nothing"]), r"\w"),
        (contradicted, r"\w"),
    ],
    ids=[
        "none",
        "one",
        "the same notes",
        "no questions",
        "unfindable",
        "no answers",
        "no right answer",
        "contradicted",
    ],
)
def test_collections_that_teach_nothing_are_refused_and_nothing_is_written(
    collections: Collections, fitted_file: Path, collections_of: Callable[[Collections], Collections], problem: str
) -> None:
    before = fitted_file.read_bytes()
    with pytest.raises(TrainingInvalid, match=problem):
        fit_files(collections_of(collections))
    assert fitted_file.read_bytes() == before


def test_what_cannot_be_kept_is_an_error_that_names_the_file(
    collections: Collections, fitted_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fitted.load()
    # What was loaded is remembered, so that it can be read but not replaced, for root too.
    monkeypatch.setattr(fitted, "FILE", fitted_file / "below.json")
    with pytest.raises(FittedUnwritable, match=r"fitted\.json/below\.json cannot be written: Not a directory$"):
        fit_files(collections)
    assert fitted.load() is before
    assert sorted(path.name for path in fitted_file.parent.glob("*fitted*")) == ["fitted.json"]


def test_the_command_fits_files_of_questions(
    tmp_path: Path, fitted_file: Path, encoder: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studybot.encoding.SentenceEncoder", lambda model: encoder)
    words: list[str | Path] = ["eval", "--fit", "--index", tmp_path / "index"]
    for name, facts in FACTS.items():
        notes = tmp_path / Path(name).stem
        for question in notes_about(notes, facts):
            questions.append(question, tmp_path / name)
        words += [tmp_path / name, "--notes", notes]
    done = CliRunner().invoke(app, list(map(str, words)))
    assert (done.exit_code, done.stdout.split("\n")[-2]) == (0, f"written to {fitted_file}")
    assert fitted.load().questions == dict.fromkeys(FACTS, 4)
