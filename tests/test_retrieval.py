from collections.abc import Callable
from pathlib import Path

import pytest

from studybot.bot import StudyBot
from studybot.database import Database
from studybot.errors import ConversationNotFound, QuestionInvalid
from studybot.fitted import load
from studybot.history import History
from studybot.reading import Vocabulary, read
from studybot.retrieval import lexical_shares
from studybot.store import Store
from tests.word_encoder import WordEncoder

MakeBot = Callable[..., StudyBot]


@pytest.fixture
def store(bot: StudyBot) -> Store:
    return Store(Database(bot.settings.index))


def test_the_score_is_the_weighted_sum_of_its_parts(bot: StudyBot, store: Store, encoder: WordEncoder) -> None:
    question = "Who was executed in 1793?"
    hit = bot.ask(question).hits[0]
    fusion = load().fusion
    query = encoder.encode([question])[0]
    rows, vectors = store.passage_vectors()
    passages = store.passages(rows)
    dense = next(float(v @ query) for row, v in zip(rows, vectors, strict=True) if passages[row] == hit.passage)
    shares = lexical_shares(["executed", "1793"], store, fusion)
    lexical = next(share for row, share in shares.items() if passages[row] == hit.passage)
    expected = fusion.dense * dense + fusion.statement * max(hit.statement_scores) + fusion.lexical * lexical
    assert hit.score == pytest.approx(expected, abs=1e-6)
    assert fusion.dense + fusion.statement + fusion.lexical == pytest.approx(1.0)


def test_a_lexical_share_is_high_only_where_all_rare_words_are(store: Store) -> None:
    fusion = load().fusion
    passages = store.passages(store.passage_numbers([""]))
    both = lexical_shares(["executed", "1793"], store, fusion)
    with_unknown = lexical_shares(["executed", "1793", "guillotine"], store, fusion)
    assert {passages[number].note for number in both} == {"kings.md"}
    assert all(0 < share < 1 for share in both.values())
    assert max(with_unknown.values()) < max(both.values())
    assert lexical_shares(["guillotine"], store, fusion) == {}


def test_hits_come_best_first_and_no_more_than_asked(bot: StudyBot) -> None:
    scores = [hit.score for hit in bot.ask("What makes ATP in a cell?", top_k=3).hits]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 3


def test_only_notes_below_a_prefix_are_asked(bot: StudyBot) -> None:
    assert {hit.passage.note for hit in bot.ask("1793", prefixes=["biology/"]).hits} == {"biology/cells.md"}
    assert bot.ask("1793", prefixes=["no such folder/"]).hits == ()


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


def test_a_misspelled_word_is_taken_for_the_notes_own(store: Store) -> None:
    vocabulary = Vocabulary.of(store)
    assert read("What do mitochondira do?", vocabulary, store).words == ("mitochondria",)
    assert read("Which was smoooth?", vocabulary, store).words == ("smooth",)
    assert read("What do quarks do?", vocabulary, store).words == ("quarks",)
    assert read("the son", vocabulary, store).words == ("son",)


def test_a_short_form_is_spelled_out_when_the_notes_explain_it(make_bot: MakeBot, notes: Path) -> None:
    (notes / "er.md").write_text("# Membranes\n\nThe Endoplasmic Reticulum (ER) folds proteins.\n", encoding="utf-8")
    bot = make_bot()
    bot.sync()
    store = Store(Database(bot.settings.index))
    reading = read("What does an ER do?", Vocabulary.of(store), store)
    assert reading.text == "What does an ER (Endoplasmic Reticulum) do?"
    assert reading.words == ("er", "endoplasmic", "reticulum")


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
    assert [question for question, _ in turns] == ["Who was executed in 1793?", "And 1814?"]


def test_an_unknown_conversation_is_refused(bot: StudyBot) -> None:
    with pytest.raises(ConversationNotFound, match="there is no conversation 'x'"):
        bot.ask("Who?", conversation="x")
