"""Questions of which some follow others: asked in their conversations, and judged beside the same ones in full."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from studybot import bootstrap
from studybot.bootstrap import Figure, Values
from studybot.bot import Reply, StudyBot
from studybot.conversation import Turn
from studybot.questions import Question

FOLLOW_UP = "follow-up MRR@10"
IN_FULL = "in full MRR@10"
SHARE = "follow-up share"
LEFT_ALONE = "left alone"


def ask(
    bot: StudyBot, asked: Iterable[Question], top_k: int, on_progress: Callable[[int], None] = lambda _: None
) -> list[Reply]:
    """Return the replies to the questions, each asked after those that it follows. Nothing is kept of it."""
    replies: list[Reply] = []
    turns: tuple[Turn, ...] = ()
    for done, question in enumerate(asked, 1):
        if question.follows is None:
            turns = ()
        replies.append(bot.ask(question.question, top_k, after=turns))
        turns = (*turns, replies[-1].turn)
        on_progress(done)
    return replies


def measures(
    question: Question,
    reply: Reply,
    ranks: Mapping[str, Mapping[str, float]],
    ranks_in_full: Mapping[str, Mapping[str, float]],
) -> dict[str, float]:
    """Return what is measured of a question that follows another one; of any other question that is nothing.

    Of a follow-up, how well its evidence is ranked as it was asked and in full; of one that stands alone, whether it
    was left alone. ``ranks`` and ``ranks_in_full`` have the measures of the answerable questions by their ids.
    """
    if question.follows is None:
        return {}
    if question.in_full is None:
        return {LEFT_ALONE: float(reply.interpreted_as is None)}
    if question.id not in ranks_in_full:
        return {}
    return {FOLLOW_UP: ranks[question.id]["MRR@10"], IN_FULL: ranks_in_full[question.id]["MRR@10"]}


def figures(measured: Sequence[Mapping[str, float]]) -> dict[str, Figure]:
    """Return how good follow-ups are as a share of what they are in full, where there are any."""
    pairs = [(one[FOLLOW_UP], one[IN_FULL]) for one in measured if FOLLOW_UP in one]
    share = bootstrap.over(_share, *zip(*pairs, strict=True)) if pairs else None
    return {SHARE: share} if share is not None else {}


def _share(follow_up: Values, in_full: Values) -> float | None:
    total = float(np.sum(in_full))
    return float(np.sum(follow_up)) / total if total else None
