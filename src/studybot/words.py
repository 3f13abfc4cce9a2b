"""The words of a question: which of them carry its subject."""

import re

# A number keeps its sign, point, unit and slash parts together only in the note's own index; here words are what FTS5's
# unicode61 tokenizer takes for words: runs of letters and digits.
_WORD = re.compile(r"[^\W_]+")

# English words that any question may hold, whatever its subject: articles, pronouns, prepositions, auxiliaries.
_STOP_WORDS = frozenset(
    """
    a about above after again against all also am an and any are aren as at be because been before being below between
    both but by can cannot could couldn d did didn do does doesn doing don down during each either else ever every few
    for from further get gets got had hadn has hasn have haven having he her here hers herself him himself his how i if
    in into is isn it its itself just let ll m may me might more most much must my myself neither no nor not now of off
    on once one only or other others our ours ourselves out over own please re s same shall shan she should shouldn
    since so some such t than that the their theirs them themselves then there these they this those through to too
    under until up upon us ve very was wasn we were weren what when where whether which while who whom whose why will
    with within without won would wouldn you your yours yourself yourselves
    """.split()
)


def terms(question: str) -> list[str]:
    """Return the words of ``question`` in lower case, once each, without those that any question may hold."""
    return [word for word in words(question) if word not in _STOP_WORDS]


def words(text: str) -> list[str]:
    """Return all words of ``text`` in lower case, once each, in order."""
    return list(dict.fromkeys(word.lower() for word in _WORD.findall(text)))
