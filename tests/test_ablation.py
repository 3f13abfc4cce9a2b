from dataclasses import replace

import pytest

from studybot.ablation import Ablation, ablate, row
from studybot.bootstrap import Figure
from studybot.bot import StudyBot
from studybot.errors import QuestionSetInvalid
from studybot.fitted import load
from studybot.questions import Evidence, Question
from tests.word_encoder import WordEncoder

CELLS = "biology/cells.md"
WAYS = ["passage text", "+ heading path", "+ statements", "+ words", "+ reading (all of it)", "words only"]


def question(asks: str, note: str, line: int) -> Question:
    evidence = Evidence(note=note, start_line=line, end_line=line)
    return Question(id=asks, question=asks, kind="fact", answerable=True, answers=[], evidence=[evidence])


# In the order of the notes the passages are: the cells' first one, mitochondria, sizes, kings. Where nothing speaks for
# any of them they are found in this order, so that the table of sizes is the third.
SIZES = question("Sizes?", CELLS, 16)
OUTER = question("Outer cells?", CELLS, 8)
NUCLEUS = question("Was it in the nucleus?", CELLS, 16)
MISSPELLED = question("Diametre?", CELLS, 16)
WAS_IN = question("Was in?", "kings.md", 3)
UNANSWERABLE = Question(id="none", question="Who?", kind="fact", answerable=False, answers=[], evidence=[])


@pytest.fixture
def weighted(bot: StudyBot, encoder: WordEncoder) -> StudyBot:
    """Return the bot with weights that are the same whatever was fitted last."""
    fusion = replace(load().fusion, dense=0.2, statement=0.4, lexical=0.4)
    return StudyBot(bot.settings, encoder, replace(load(), fusion=fusion))


@pytest.mark.parametrize(
    ("asked", "ranks"),
    [
        # Only its heading has the word.
        (SIZES, [3, 1, 1, 1, 1, 1]),
        # The heading "Cells" is most of the first passage; one of the statements about mitochondria has both words.
        (OUTER, [1, 2, 1, 1, 1, 1]),
        # Three passages are nearer by "was", "it", "in", "the", which are not looked up.
        (NUCLEUS, [4, 4, 4, 1, 1, 1]),
        # Taken for "diameter", but not by words alone: they are looked up as they are typed, and found nowhere.
        (MISSPELLED, [3, 3, 3, 3, 1, None]),
        # Words that any question may hold: there is none to look up.
        (WAS_IN, [1, 1, 1, 1, 1, None]),
    ],
    ids=lambda value: value.id if isinstance(value, Question) else "",
)
def test_each_way_adds_a_part(
    weighted: StudyBot, encoder: WordEncoder, asked: Question, ranks: list[int | None]
) -> None:
    found = {way.name: way.figures["MRR@10"].value for way in ablate(weighted, encoder, [asked])}
    assert found == pytest.approx({way: 1 / rank if rank else 0.0 for way, rank in zip(WAYS, ranks, strict=True)})


def test_ways_come_in_order_each_with_its_figures_and_the_vectors_it_needs(
    weighted: StudyBot, encoder: WordEncoder
) -> None:
    ways = list(ablate(weighted, encoder, [UNANSWERABLE, SIZES, OUTER, NUCLEUS, MISSPELLED, WAS_IN]))
    assert [way.name for way in ways] == WAYS
    # 4 passages and 10 statements
    assert [way.vectors for way in ways] == [4, 4, 14, 14, 14, 0]
    assert [list(way.figures) for way in ways] == [["MRR@10", "hit@1", "hit@5", "nDCG@10"]] * 6
    # Over the five that can be answered, as they stand above
    assert [way.figures["hit@1"].value for way in ways] == pytest.approx([2 / 5, 2 / 5, 3 / 5, 4 / 5, 1, 3 / 5])
    assert [way.figures["hit@5"].value for way in ways] == pytest.approx([1, 1, 1, 1, 1, 3 / 5])
    assert {figure.n for way in ways for figure in way.figures.values()} == {5}
    assert {type(way.milliseconds) for way in ways} == {int}


def test_only_passages_without_their_headings_are_embedded_anew(weighted: StudyBot, encoder: WordEncoder) -> None:
    ways = ablate(weighted, encoder, [SIZES])
    encoder.encoded.clear()
    next(ways)
    assert encoder.encoded[0] == "Notes on the smallest living things."
    assert not any("Sizes" in text for text in encoder.encoded[:4])
    # Then the question, twice: the first time is not measured.
    assert encoder.encoded[4:] == ["Sizes?", "Sizes?"]
    encoder.encoded.clear()
    assert len(list(ways)) == 5
    assert set(encoder.encoded) == {"Sizes?"}


def test_all_of_it_is_what_the_bot_finds(weighted: StudyBot, encoder: WordEncoder) -> None:
    asked = [SIZES, OUTER, NUCLEUS, MISSPELLED, WAS_IN]
    best = [weighted.ask(question.question).hits[0].passage for question in asked]
    assert [(passage.note, passage.start_line) for passage in best] == [
        (CELLS, 14),
        (CELLS, 7),
        (CELLS, 14),
        (CELLS, 14),
        ("kings.md", 3),
    ]
    *_, all_of_it, _ = ablate(weighted, encoder, asked)
    assert all_of_it.figures["hit@1"] == Figure(1.0, 1.0, 1.0, 5)


def test_evidence_that_is_gone_is_named_before_anything_is_embedded(weighted: StudyBot, encoder: WordEncoder) -> None:
    encoder.encoded.clear()
    with pytest.raises(QuestionSetInvalid, match=r"question Gone\?: there is no note 'gone\.md'"):
        next(ablate(weighted, encoder, [question("Gone?", "gone.md", 1)]))
    assert encoder.encoded == []


def test_a_way_is_told_in_a_row() -> None:
    figures = {"MRR@10": Figure(0.75, 0.5, 1.0, 9), "hit@1": Figure(0.5, 0.25, 0.75, 9)}
    assert (
        row(Ablation("+ statements", figures, 12, 23456))
        == "+ statements          0.750 [0.500, 1.000]   0.500 [0.250, 0.750]         12    23,456"
    )


def test_weights_of_words_alone_still_have_their_ways(weighted: StudyBot, encoder: WordEncoder) -> None:
    fusion = replace(weighted.fitted.fusion, dense=0.0, statement=0.0, lexical=1.0)
    bot = StudyBot(weighted.settings, encoder, replace(weighted.fitted, fusion=fusion))
    assert [way.name for way in ablate(bot, encoder, [SIZES])] == WAYS
