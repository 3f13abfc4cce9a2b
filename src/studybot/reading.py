"""How a question is read before it is looked up: short forms spelled out, misspelled words taken for the notes'."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from studybot.acronyms import Glossary, spelled_out
from studybot.store import Store
from studybot.words import terms

# A short form that the notes use is found as it is; its long form would only water the question down.
_RARE = 2
# Shorter words have too many neighbours; longer ones may have two letters wrong.
_SHORTEST = 4
_LONG = 8


@dataclass(frozen=True, slots=True)
class Reading:
    """A question as it is encoded, and the words that are looked up."""

    text: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the notes' words are: their acronyms, and every word in the form that the full-text index keeps."""

    glossary: Glossary
    words: tuple[str, ...]

    @classmethod
    def of(cls, store: Store) -> "Vocabulary":
        """Return the vocabulary of the notes in ``store``."""
        return cls(Glossary.of(store.acronyms(), store.headings()), store.full_text.vocabulary())


AS_TYPED = Vocabulary(Glossary.of([], []), ())
"""Of someone who does not know the notes: nothing is spelled out, nothing is taken for another word."""


def read(question: str, vocabulary: Vocabulary, store: Store) -> Reading:
    """Return how ``question`` is read by someone who knows the ``vocabulary`` of the notes in ``store``.

    Words that the notes have are left as they are: only a word that is in no passage is taken for another one.
    """
    wanted = terms(question)
    counts = dict(zip(wanted, store.full_text.document_counts(wanted)[1], strict=True))
    bridges = vocabulary.glossary.bridges(question, lambda word: counts.get(word.lower(), 0) > 0)
    long_forms = {short.lower(): long for short, long in bridges.items()}
    words = [
        word
        for wanted_word, count in counts.items()
        for word in _looked_up(wanted_word, count, long_forms, vocabulary.words)
    ]
    return Reading(spelled_out(question, bridges), tuple(dict.fromkeys(words)))


def _looked_up(word: str, count: int, long_forms: Mapping[str, str], vocabulary: Sequence[str]) -> Iterable[str]:
    """Return what is looked up for ``word``, which ``count`` passages hold: the word itself, others, or both."""
    if word in long_forms and count <= _RARE:
        return [word, *terms(long_forms[word])] if count else terms(long_forms[word])
    if count or len(word) < _SHORTEST:
        return [word]
    wrong_letters = 1 if len(word) < _LONG else 2
    found = process.extractOne(word, vocabulary, scorer=OSA.distance, score_cutoff=wrong_letters)
    return [word] if found is None else [found[0]]
