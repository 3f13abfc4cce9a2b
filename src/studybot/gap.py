"""What a question asks of that no passage near to it has: what to say with a refusal."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from studybot.fulltext import FullText
from studybot.types import Hit, Refusal
from studybot.words import as_typed

_MENTIONED = 2
_MISSING = 3


def explained(
    refusal: Refusal, question: str, rarities: Mapping[str, float], hits: Sequence[Hit], full_text: FullText
) -> Refusal:
    """Return ``refusal`` with the words of ``question`` that none of the ``hits`` has, and a reason that names them.

    ``rarities`` are those of the words that were looked up. Of more words than a sentence can bear the rarest are
    named, as the question spells them and in its order. A word that was taken for another one, a long form or the
    right spelling, is not missing.
    """
    asked = {word: typed for word, typed in as_typed(question).items() if word in rarities}
    held = full_text.held(asked, [hit.passage.id for hit in hits])
    rarest = sorted(asked, key=lambda word: -rarities[word])
    named = {*[word for word in rarest if word in held][:_MENTIONED], *[w for w in rarest if w not in held][:_MISSING]}
    mentioned = [typed for word, typed in asked.items() if word in named & held]
    missing = [typed for word, typed in asked.items() if word in named - held]
    if not missing:
        reason = "The nearest passages have the words of your question, but none seems to answer it."
    elif mentioned:
        there, lacking = _joined(mentioned, "and"), _joined(missing, "or")
        reason = f"Your notes mention {there}, but nothing there about {lacking}."
    else:
        reason = f"The nearest passages say nothing about {_joined(missing, 'or')}."
    return replace(refusal, reason=reason, missing=tuple(missing))


def _joined(words: Sequence[str], last: str) -> str:
    quoted = [f"“{word}”" for word in words]
    return f" {last} ".join(part for part in (", ".join(quoted[:-1]), quoted[-1]) if part)
