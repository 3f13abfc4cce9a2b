"""The words of a question: which of them carry its subject."""

import re

# What FTS5's unicode61 tokenizer takes for words: runs of letters and digits.
_WORD = re.compile(r"[^\W_]+")
# A number with what is likely to be its unit, or words that signs hold together, as in t3.micro and 0.0.0.0/0.
_WHOLE = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*\s+([^\W\d_]{1,3})(?!\w)|[^\W_]+(?:(?:[^\w\s'\u2019]|_)+[^\W_]+)+")
_NAME = re.compile(r"[^\W\d_a-z]|\d")
_ASKS_NUMBER = re.compile(
    r"\bhow (?:many|much|long|often|far|fast|large|big|small|high|deep|wide|old)\b", re.IGNORECASE
)
_NUMBER = re.compile(
    r"\d|\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thousand|million"
    r"|billion|half|once|twice|no|none|never|always|daily|weekly|monthly|yearly|unlimited|infinite)\b",
    re.IGNORECASE,
)

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
    return list(as_typed(text))


def as_typed(text: str) -> dict[str, str]:
    """Return the words of ``text`` as they are spelled where they stand first, by their lower case, in order."""
    spelled: dict[str, str] = {}
    for word in _WORD.findall(text):
        spelled.setdefault(word.lower(), word)
    return spelled


def names(question: str) -> list[str]:
    """Return, in lower case, the words of ``question`` behind the first that have a capital or a digit."""
    _, *others = as_typed(question).values() or [""]
    return [word.lower() for word in others if _NAME.search(word)]


def asks_number(question: str) -> bool:
    """Return whether ``question`` asks how many, how long and the like."""
    return _ASKS_NUMBER.search(question) is not None


def has_number(text: str) -> bool:
    """Return whether ``text`` has a number, in digits or in words, or a word that says how many or how often."""
    return _NUMBER.search(text) is not None


def wholes(question: str) -> list[str]:
    """Return the runs of words in ``question`` that are one number or name ("5 gb", "t3.micro"), as :func:`terms` does.

    Each has a digit; other words that signs hold together (high-level, and/or) are as well found one by one.
    """
    found = _WHOLE.finditer(question.lower())
    return list(dict.fromkeys(m[0] for m in found if m[1] not in _STOP_WORDS and any(map(str.isdigit, m[0]))))
