"""How a question is read before it is looked up: short forms spelled out, misspelled words taken for the notes'."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from studybot.acronyms import Glossary, spelled_out
from studybot.fulltext import rarity
from studybot.sentences import paragraph_spans
from studybot.spelling import Spellings
from studybot.store import Store
from studybot.types import CountTokens
from studybot.words import terms, wholes

# A short form that the notes use is found as it is; its long form would only water the question down.
_RARE = 2
# How many times a word of the question may stand in a passage: ranking so many takes some 20 ms. In an index of 145,000
# passages, what is left of the words of 60 questions ranks 98 % of the first ten passages that all of them would.
_MOST = 20_000
# Sentences from which on the first ones tell a situation.
_LONG = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """A question as it is encoded, and the words that are looked up, each with its rarity in the notes.

    ``unknown`` are those of them that no passage has.
    """

    text: str
    words: Mapping[str, float]
    unknown: frozenset[str]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the notes' words are: their acronyms, and how they are spelled."""

    glossary: Glossary
    spellings: Spellings | None

    @classmethod
    def of(cls, store: Store, count_tokens: CountTokens) -> "Vocabulary":
        """Return the vocabulary of the notes in ``store``; ``count_tokens`` is the encoder's."""
        glossary = Glossary(Glossary.of(store.acronyms(), []).given, _Lent(store))
        database = store.database
        return cls(glossary, Spellings(store.full_text, count_tokens, database.folder, database.meta()["spellings"]))


class _Lent(Mapping[str, str]):
    """What the headings of the notes lend; they are read when the first word in capitals is looked for.

    Of 145,000 passages that takes a second.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @cached_property
    def _forms(self) -> Mapping[str, str]:
        return Glossary.of([], self._store.headings()).lent

    def __getitem__(self, short: str) -> str:
        return self._forms[short]

    def __iter__(self) -> Iterator[str]:
        return iter(self._forms)

    def __len__(self) -> int:
        return len(self._forms)


AS_TYPED = Vocabulary(Glossary.of([], []), None)
"""Of someone who does not know the notes: nothing is spelled out, nothing is taken for another word."""


def read(question: str, vocabulary: Vocabulary, store: Store) -> Reading:
    """Return how ``question`` is read by someone who knows the ``vocabulary`` of the notes in ``store``.

    Words that the notes have are left as they are: only a word that is in no passage is taken for another one.
    """
    full_text = store.full_text
    counts = full_text.document_counts(terms(question))
    bridges = vocabulary.glossary.bridges(question, lambda word: counts.get(word.lower(), 0) > 0)
    long_forms = {short.lower(): long for short, long in bridges.items()}
    asking = asking_sentence(question)
    words = [word for term in terms(asking) for word in _looked_up(term, counts[term], long_forms, vocabulary)]
    counts |= full_text.document_counts(word for word in words if word not in counts)
    found = {word: counts[word] for word in words}
    # In addition to their parts, as notes may write them otherwise; one that no passage has says nothing.
    found |= {whole: count for whole, count in full_text.document_counts(wholes(asking)).items() if count}
    total = full_text.count()
    return Reading(
        spelled_out(question, bridges),
        {word: rarity(found[word], total) for word in rarest(found)},
        frozenset(word for word, count in found.items() if not count),
    )


def rarest(counts: Mapping[str, int]) -> list[str]:
    """Return the words that are ranked by, in their order: in a large index not those that say least of a passage."""
    by_rarity = sorted(counts, key=counts.__getitem__)
    sums = accumulate(counts[word] for word in by_rarity)
    kept = {word for word, so_far in zip(by_rarity, sums, strict=True) if so_far <= _MOST} or set(by_rarity[:1])
    return [word for word in counts if word in kept]


def asking_sentence(question: str) -> str:
    """Return the sentence of a long ``question`` that asks: the last one that has a word of its own ("Why?" has none).

    A question of one or two sentences is returned whole. The words of a longer situation lead astray: with sentences of
    other sections before the question, looking up the words of its last sentence alone gives MRR@10 .45 to .54, not .28
    to .38 (n = 265); for textbook questions of three and more sentences .667, not .639 (n = 58; of notes, by passages
    and words). All of the question is encoded: its last sentence encoded alone gives .397 for the latter.
    """
    line = " ".join(question.split())
    spans = paragraph_spans([line], [(1, 0, len(line))], whole=False)
    sentences = [line[start:end] for (_, start), (_, end) in spans]
    if len(sentences) < _LONG:
        return question
    return next((sentence for sentence in reversed(sentences) if terms(sentence)), question)


def _looked_up(word: str, count: int, long_forms: Mapping[str, str], vocabulary: Vocabulary) -> Iterable[str]:
    """Return what is looked up for ``word``, which ``count`` passages hold: the word itself, others, or both."""
    if word in long_forms and count <= _RARE:
        return [word, *terms(long_forms[word])] if count else terms(long_forms[word])
    if count or vocabulary.spellings is None:
        return [word]
    return [vocabulary.spellings.meant_by(word) or word]
