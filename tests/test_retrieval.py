from collections.abc import Callable
from pathlib import Path

import pytest

from studybot.bot import Reply, StudyBot
from studybot.database import Database
from studybot.errors import ConversationNotFound, QuestionInvalid
from studybot.fitted import load
from studybot.fulltext import rarity
from studybot.history import History
from studybot.indexing import refresh_view
from studybot.retrieval import DEPTH, lexical_shares, matches
from studybot.store import Store
from studybot.types import Answer, Place
from tests.word_encoder import WordEncoder

MakeBot = Callable[..., StudyBot]


@pytest.fixture
def store(bot: StudyBot) -> Store:
    return Store(Database(bot.settings.index))


def rarities(store: Store, *words: str) -> dict[str, float]:
    total = store.full_text.count()
    return {word: rarity(count, total) for word, count in store.full_text.document_counts(words).items()}


def test_the_score_is_the_weighted_sum_of_its_parts(bot: StudyBot, store: Store, encoder: WordEncoder) -> None:
    question = "Who was executed in 1793?"
    hit = bot.ask(question).hits[0]
    fusion = load().fusion
    query = encoder.encode([question])[0]
    rows, vectors = store.passage_vectors()
    passages = store.passages(rows)
    dense = next(float(v @ query) for row, v in zip(rows, vectors, strict=True) if passages[row] == hit.passage)
    shares = lexical_shares(rarities(store, "executed", "1793"), store, fusion)
    lexical = next(share for row, share in shares.items() if passages[row] == hit.passage)
    expected = fusion.dense * dense + fusion.statement * max(hit.statement_scores) + fusion.lexical * lexical
    assert hit.score == pytest.approx(expected, abs=1e-6)
    assert fusion.dense + fusion.statement + fusion.lexical == pytest.approx(1.0)


def test_a_lexical_share_is_high_only_where_all_rare_words_are(store: Store) -> None:
    fusion = load().fusion
    passages = store.passages(store.passage_numbers([""]))
    both = lexical_shares(rarities(store, "executed", "1793"), store, fusion)
    with_unknown = lexical_shares(rarities(store, "executed", "1793", "guillotine"), store, fusion)
    assert {passages[number].note for number in both} == {"kings.md"}
    assert all(0 < share < 1 for share in both.values())
    assert max(with_unknown.values()) < max(both.values())
    assert lexical_shares(rarities(store, "guillotine"), store, fusion) == {}


def test_hits_come_best_first_and_no_more_than_asked(bot: StudyBot) -> None:
    scores = [hit.score for hit in bot.ask("What makes ATP in a cell?", top_k=3).hits]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 3


def test_only_notes_below_a_prefix_are_asked(bot: StudyBot) -> None:
    assert {hit.passage.note for hit in bot.ask("1793", prefixes=["biology/"]).hits} == {"biology/cells.md"}
    assert bot.ask("1793", prefixes=["no such folder/"]).hits == ()


def test_the_words_of_a_folder_count_however_many_other_notes_hold_them_oftener(
    make_bot: MakeBot, notes: Path, encoder: WordEncoder
) -> None:
    crowd = "\n".join(f"# Executed {number}\n\nExecuted, executed and executed.\n" for number in range(DEPTH))
    (notes / "crowd.md").write_text(crowd, encoding="utf-8")
    bot = make_bot()
    bot.sync()
    store = Store(Database(bot.settings.index))
    words = rarities(store, "executed")
    query = encoder.encode(["Who was executed?"])[0]
    (match,) = matches(words, query, store, refresh_view(store), load().fusion, ["kings"])
    everywhere = lexical_shares(words, store, load().fusion)
    assert 0 < match.lexical < min(everywhere.values())


@pytest.fixture
def repeated(make_bot: MakeBot, notes: Path) -> StudyBot:
    """Return a bot over notes that say the same in four sections, and nearly the same in two more."""
    sections = [
        ("Ribosomes", "- A ribosome of **yeast** has 79 proteins."),
        ("Proteins", "A ribosome of yeast  has 79 proteins."),
        ("Review", "> A ribosome of yeast has 79 proteins."),
        ("Bacteria", "A ribosome of yeast has 55 proteins."),
        ("Plants", "A ribosome of wheat has 79 proteins."),
    ]
    text = "\n\n".join(f"# {title}\n\n{said}" for title, said in sections)
    (notes / "biology" / "yeast.md").write_text(text, encoding="utf-8")
    (notes / "exam.md").write_text("# Exam\n\nA ribosome of yeast\nhas 79 proteins.\n", encoding="utf-8")
    bot = make_bot()
    bot.sync()
    return bot


YEAST = "How many proteins has a ribosome of yeast?"


def test_passages_that_say_the_same_are_one_hit_that_names_the_others(repeated: StudyBot) -> None:
    hits = repeated.ask(YEAST, top_k=50).hits
    texts = [hit.passage.text for hit in hits]
    assert len([text for text in texts if "79" in text and "yeast" in text]) == 1
    assert len([text for text in texts if "55" in text or "wheat" in text]) == 2
    # Nine passages, three of which say what a fourth one says.
    assert len(hits) == 4 + 6 - 3
    folded = next(hit for hit in hits if "79" in hit.passage.text and "yeast" in hit.passage.text)
    places = {(folded.passage.note, folded.passage.heading[-1]), *((p.note, p.heading[-1]) for p in folded.also_at)}
    assert places == {
        ("biology/yeast.md", "Ribosomes"),
        ("biology/yeast.md", "Proteins"),
        ("biology/yeast.md", "Review"),
        ("exam.md", "Exam"),
    }
    assert [hit.also_at for hit in hits if hit is not folded] == [()] * 6


def test_the_place_of_a_fold_has_its_lines(repeated: StudyBot) -> None:
    folded = next(hit for hit in repeated.ask(YEAST).hits if hit.also_at)
    exam = next(place for place in folded.also_at if place.note == "exam.md")
    assert exam == Place("exam.md", ("Exam",), 3, 4)


def test_the_next_best_move_up_where_passages_are_folded(repeated: StudyBot) -> None:
    everything = repeated.ask(YEAST, top_k=50).hits
    for top_k in range(1, 8):
        assert [hit.passage for hit in repeated.ask(YEAST, top_k=top_k).hits] == [
            hit.passage for hit in everything[:top_k]
        ]


def test_only_what_stands_below_a_prefix_is_folded(repeated: StudyBot) -> None:
    hits = repeated.ask(YEAST, prefixes=["exam"]).hits
    assert [(hit.passage.note, hit.also_at) for hit in hits] == [("exam.md", ())]
    folded = next(hit for hit in repeated.ask(YEAST, prefixes=["biology/"]).hits if hit.also_at)
    assert {place.note for place in folded.also_at} == {"biology/yeast.md"}


def test_what_has_no_statement_is_never_a_hit(make_bot: MakeBot, notes: Path) -> None:
    (notes / "lines.md").write_text("---\n\n***\n\n# Rule\n\n---\n", encoding="utf-8")
    bot = make_bot()
    bot.sync()
    assert "lines.md" not in {hit.passage.note for hit in bot.ask("Rule", top_k=50).hits}


def test_the_same_notes_give_the_same_hits_however_they_came(make_bot: MakeBot, notes: Path, tmp_path: Path) -> None:
    grown = make_bot(index=tmp_path / "grown")
    (notes / "kings.md").rename(tmp_path / "kings.md")
    grown.sync()
    (tmp_path / "kings.md").rename(notes / "kings.md")
    grown.sync()
    fresh = make_bot(index=tmp_path / "fresh")
    fresh.sync()
    assert grown.ask("Which was smooth?", top_k=50).hits == fresh.ask("Which was smooth?", top_k=50).hits


def asked(make_bot: MakeBot, notes: Path, question: str, **texts: str) -> Reply:
    """Return the reply to ``question`` when the notes hold ``texts``, too, by name."""
    for name, text in texts.items():
        (notes / f"{name}.md").write_text(text, encoding="utf-8")
    bot = make_bot()
    bot.sync()
    return bot.ask(question)


@pytest.mark.parametrize(
    ("whole", "parts"),
    [
        ("5 GB", "GB, 5"),
        ("99.999999999%", "999999999 and 99"),
        ("t3.micro", "micro, t3"),
        ("0.0.0.0/0", "0, 0 and 0 or 0 by 0"),
        ("s3:GetObject", "GetObject, S3"),
    ],
)
def test_a_passage_with_the_very_number_or_name_comes_before_those_with_its_parts(
    make_bot: MakeBot, notes: Path, whole: str, parts: str
) -> None:
    others = {f"a{number}": f"# Value\n\nIn part {number} it is {parts}." for number in range(6)}
    reply = asked(make_bot, notes, f"What is {whole}?", **others, z=f"# Value\n\nIn part 9 it is {whole}.")
    assert reply.hits[0].passage.note == "z.md"


OTHER_LANGUAGES = [
    ("Wie alt wird eine Schildkröte?", "# Schildkröten\n\nEine Schildkröte wird über hundert Jahre alt."),
    ("كم عمر السلحفاة؟", "# الحيوانات\n\nعمر السلحفاة أكثر من مئة عام."),
    # Nothing separates Chinese words but signs.
    ("乌龟：能活多久？", "# 动物\n\n乌龟：能活一百多年。"),
]


@pytest.mark.parametrize(("question", "text"), OTHER_LANGUAGES)
def test_a_note_in_another_language_is_found_by_its_words(
    make_bot: MakeBot, notes: Path, question: str, text: str
) -> None:
    reply = asked(make_bot, notes, question, tiere=text)
    assert isinstance(reply.outcome, Answer)
    assert reply.outcome.quotes[0].text == text.split("\n")[-1]
    assert reply.hits[0].passage.note == "tiere.md"


def test_a_row_is_found_by_its_header_in_a_note_of_nothing_but_tables(make_bot: MakeBot, notes: Path) -> None:
    tables = (
        "| River | Length | Mouth |\n|---|---|---|\n| Danube | 2850 km | Black Sea |\n| Rhine | 1233 km | North Sea |\n"
        "\n| Lake | Depth |\n|---|---|\n| Baikal | 1642 m |\n| Ohrid | 288 m |\n"
    )
    reply = asked(make_bot, notes, "What is the length of the Rhine?", water=tables)
    assert isinstance(reply.outcome, Answer)
    header, row = "| River | Length | Mouth |", "| Rhine | 1233 km | North Sea |"
    quotes = [quote.text for quote in reply.outcome.quotes]
    assert quotes[0] == header
    assert row in quotes
    scored = zip(reply.hits[0].statement_scores, reply.hits[0].passage.statements, strict=True)
    assert max((score, statement.text) for score, statement in scored if statement.kind == "row")[1] == row


def test_a_bullet_of_two_words_lives_from_what_stands_above_it(make_bot: MakeBot, notes: Path) -> None:
    text = "# Nerves\n\n## {}\n\n- Speed\n  - {}\n- Length\n  - {}\n"
    fast, slow = (
        text.format("Myelin", "very fast", "one metre"),
        text.format("Dendrites", "rather slow", "two millimetres"),
    )
    reply = asked(make_bot, notes, "What is the speed of dendrites?", fast=fast, slow=slow)
    first = reply.hits[0]
    assert first.passage.heading == ("Nerves", "Dendrites")
    scores = dict(zip((s.text for s in first.passage.statements), first.statement_scores, strict=True))
    assert scores["rather slow"] > scores["two millimetres"]
    assert isinstance(reply.outcome, Answer)
    assert "rather slow" in reply.outcome.text


@pytest.mark.parametrize("question", ["", " \n", "?!", "…—"])
def test_a_question_without_a_word_is_refused(bot: StudyBot, question: str) -> None:
    with pytest.raises(QuestionInvalid, match="has no word"):
        bot.ask(question)


@pytest.mark.parametrize("question", ["细胞是什么？", "ما هي الخلية؟", 'a "quote" OR NOT (NEAR', "it's the * ^ -"])
def test_any_other_question_gets_a_reply(bot: StudyBot, question: str) -> None:
    assert len(bot.ask(question).hits) == 4


def test_turns_are_kept_in_their_conversation(bot: StudyBot) -> None:
    first = bot.ask("Who was executed in 1793?", remember=True)
    second = bot.ask("And 1814?", conversation=first.conversation, remember=True)
    assert second.conversation == first.conversation is not None
    turns = History(Database(bot.settings.index)).turns(first.conversation)
    assert [turn.question for turn in turns] == ["Who was executed in 1793?", "And 1814?"]


def test_an_unknown_conversation_is_refused(bot: StudyBot) -> None:
    with pytest.raises(ConversationNotFound, match="there is no conversation 'x'"):
        bot.ask("Who?", conversation="x")
