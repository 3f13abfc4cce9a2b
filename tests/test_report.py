import html
import re
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from studybot import report
from studybot.bot import StudyBot
from studybot.errors import ReportUnwritable, StudybotError
from studybot.evaluation import Run, answer_of, evaluate, figures
from studybot.questions import ALL, Evidence, Question
from studybot.settings import Settings
from studybot.types import Passage
from tests.conftest import CELLS, KINGS
from tests.word_encoder import WordEncoder

PLOTS = ["latency.png", "mrr_by_kind.png", "recall.png", "reliability.png", "risk_coverage.png"]
FILES = sorted([*PLOTS, "report.html", "report.json"])
VOID = {"meta", "img", "br"}


@dataclass(frozen=True, slots=True)
class Written:
    """A report, and the run that it is of."""

    run: Run
    folder: Path
    page: str


def ask(name: str, question: str, lines: tuple[int, int] | None, *answers: str, kind: str = "fact") -> Question:
    """Return a question whose evidence are lines of kings.md; without lines it is not answerable."""
    evidence = [Evidence(note="kings.md", start_line=lines[0], end_line=lines[1])] if lines else []
    return Question(
        id=name, question=question, kind=kind, answerable=bool(lines), answers=list(answers), evidence=evidence
    )


RIGHT = ask("right", "Who was executed in 1793?", (3, 4), "Louis XVI")
WRONG = ask("wrong", "Who became king in 1814?", (3, 4), "Napoleon")
UNFOUND = ask("unfound", "What are <script>alert('membranes')</script> folded into?", (1, 1), kind="<i>odd</i>")
UNANSWERABLE = ask("unanswerable", "Who built the bridge?", None, kind="unanswerable")
ASKED = [RIGHT, WRONG, UNANSWERABLE, UNFOUND]


def link(passage: Passage) -> str:
    return f'vscode://file/notes/{passage.note}:{passage.start_line}?a=1&b="2'


def written(run: Run, folder: Path) -> str:
    report.write(run, folder, link, {"Python": "3.11 <final>", "machine": "2 cores"})
    return (folder / "report.html").read_text(encoding="utf-8")


def section(page: str, name: str) -> str:
    found = re.search(rf'<section[^>]* id="{name}".*?</section>', page, re.DOTALL)
    return found.group() if found else ""


def headings(part: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r"<h3>(.*?)</h3>", part)]


def rows(part: str) -> list[list[str]]:
    found = re.findall(r'<tr>(<th scope="row">.*?)</tr>', part)
    return [[html.unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in found]


@pytest.fixture
def run(bot: StudyBot) -> Run:
    return evaluate(bot, ASKED, "kings.jsonl")


@pytest.fixture(scope="module")
def kings(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Return a report that is only read: plots take time."""
    folder = tmp_path_factory.mktemp("kings")
    (folder / "notes" / "biology").mkdir(parents=True)
    (folder / "notes" / "biology" / "cells.md").write_text(CELLS, encoding="utf-8")
    (folder / "notes" / "kings.md").write_text(KINGS, encoding="utf-8")
    bot = StudyBot(Settings(notes=folder / "notes", index=folder / "index"), WordEncoder())
    bot.sync()
    run = evaluate(bot, ASKED, "kings.jsonl")
    bot.close()
    return Written(run, folder / "new" / "report", written(run, folder / "new" / "report"))


def test_a_report_is_a_page_and_its_plots(kings: Written) -> None:
    assert sorted(file.name for file in kings.folder.iterdir()) == FILES
    embedded = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="[^"]+">', kings.page)
    assert sorted(b64decode(image) for image in embedded) == sorted(
        (kings.folder / name).read_bytes() for name in PLOTS
    )
    assert re.findall(r'<section[^>]* id="(\w+)"', kings.page) == [
        "unreachable",
        "figures",
        "kinds",
        "plots",
        "worst",
        "anyway",
        "times",
    ]


def test_a_page_says_what_was_measured(kings: Written) -> None:
    facts = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", kings.page)
    assert facts == [
        ("question file", "kings.jsonl"),
        ("questions", "4"),
        ("answerable", "3"),
        ("Python", "3.11 &lt;final&gt;"),
        ("machine", "2 cores"),
    ]


def test_a_page_shows_the_figures(kings: Written) -> None:
    measured = figures(kings.run.outcomes)
    shown = {name: (value, interval, n) for name, value, interval, n, _ in rows(section(kings.page, "figures"))}
    assert list(shown) == list(measured[ALL])
    for name, figure in measured[ALL].items():
        digits = 1 if name == "answer words" else 3
        low, high = f"{figure.low:.{digits}f}", f"{figure.high:.{digits}f}"
        assert shown[name] == (f"{figure.value:.{digits}f}", f"{low} to {high}", str(figure.n))
    assert shown["MRR@10"][0] == "0.667"


def test_a_page_shows_the_figures_of_each_kind(kings: Written) -> None:
    shown = rows(section(kings.page, "kinds"))
    lengths = {kind: of["answer words"] for kind, of in figures(kings.run.outcomes).items()}
    words = {kind: f"{f.value:.1f}<br><small>{f.low:.1f} to {f.high:.1f}</small>" for kind, f in lengths.items()}
    assert lengths[ALL].low < lengths[ALL].high
    two_of_three, half, every, none = (
        f"{value}<br><small>{interval}</small>"
        for value, interval in (
            ("0.667", "0.000 to 1.000"),
            ("0.500", "0.000 to 1.000"),
            ("1.000", "1.000 to 1.000"),
            ("0.000", "0.000 to 0.000"),
        )
    )
    assert shown == [
        ["all", two_of_three, two_of_three, two_of_three, half, words[ALL], "4"],
        ["fact", every, every, every, half, words["fact"], "2"],
        ["unanswerable", "–", "–", "–", "–", words["unanswerable"], "1"],
        ["<i>odd</i>", none, none, none, "–", words["<i>odd</i>"], "1"],
    ]


def test_each_half_counts_its_own_questions(bot: StudyBot, tmp_path: Path) -> None:
    halves = zip(ASKED, ("dev", "test", "test", "test"), strict=True)
    asked = [question.model_copy(update={"half": half}) for question, half in halves]
    shown = rows(section(written(evaluate(bot, asked, "q"), tmp_path), "kinds"))
    assert [(row[0], row[-1]) for row in shown[:4]] == [
        ("all", "4"),
        ("dev half", "1"),
        ("test half", "3"),
        ("fact", "2"),
    ]


def test_every_figure_has_its_meaning(bot: StudyBot) -> None:
    whole = Question(
        id="whole",
        question="Which kings?",
        kind="fact",
        answerable=True,
        answers=[],
        reference_answer=["Louis"],
        evidence=[Evidence(note="kings.md")],
    )
    measured = figures(evaluate(bot, [*ASKED, whole], "q").outcomes)[ALL]
    assert {name.removeprefix("document ") for name in measured} == set(report.MEANINGS)


def test_a_page_needs_no_network_and_no_script(kings: Written) -> None:
    page = kings.page
    assert re.findall(r"<(?:script|link|iframe|object|base|form)\b", page) == []
    assert "url(" not in page
    assert "@import" not in page
    assert {source[:22] for source in re.findall(r'src="([^"]*)"', page)} == {"data:image/png;base64,"}
    links = set(re.findall(r'href="([^"]*)"', page))
    assert {address.partition(":")[0] for address in links if not address.startswith("#")} == {"vscode"}
    assert {address[1:] for address in links if address.startswith("#")} <= set(re.findall(r'id="(\w+)"', page))
    assert page.count("://") == len(re.findall(r'href="vscode://', page))


def test_a_page_is_well_formed(kings: Written) -> None:
    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.opened: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag not in VOID:
                self.opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.opened.pop() == tag

    reader = Reader()
    reader.feed(kings.page)
    reader.close()
    assert reader.opened == []
    assert kings.page.startswith('<!doctype html>\n<html lang="en">')
    assert "<title>kings.jsonl – studybot evaluation</title>" in kings.page


def test_what_notes_and_questions_say_is_text(bot: StudyBot, notes: Path, tmp_path: Path) -> None:
    (notes / "kings.md").write_text("# <b>Kings</b>\n\n<img src=x> Louis XVI was executed in 1793.\n", encoding="utf-8")
    bot.sync()
    asked = ask("q\"'", "Who was <script>alert(1)</script> executed?", (1, 1), kind="<u>")
    page = written(evaluate(bot, [asked], "<file>.jsonl"), tmp_path / "report")
    assert "Who was &lt;script&gt;alert(1)&lt;/script&gt; executed?" in page
    assert "&lt;b&gt;Kings&lt;/b&gt;" in page
    assert "Evaluation: &lt;file&gt;.jsonl" in page
    assert 'kings.md:3?a=1&amp;b=&#34;2"' in page
    for raw in ("<script>", "<b>", "<img src=x>", "<u>", "<file>"):
        assert raw not in page


def test_unreachable_questions_come_first_with_what_that_means(kings: Written) -> None:
    page = kings.page
    assert kings.run.unreachable == ("unfound",)
    assert headings(page)[0] == UNFOUND.question
    assert headings(section(page, "unreachable")) == [UNFOUND.question]
    assert "unfound · &lt;i&gt;odd&lt;/i&gt;" in section(page, "unreachable")
    assert "Unreachable: 1 of 3 answerable questions" in page
    assert "no ranking can find it" in " ".join(section(page, "unreachable").split())


def test_a_run_without_unreachable_questions_does_not_speak_of_them(bot: StudyBot, tmp_path: Path) -> None:
    assert "nreachable" not in written(evaluate(bot, [RIGHT], "q"), tmp_path)


def test_notes_that_are_not_there_are_named_before_the_figures(bot: StudyBot, kings: Written, tmp_path: Path) -> None:
    gone = [Evidence(note=name, start_line=1, end_line=1) for name in ("<gone>.md", "lost.md")]
    asked = RIGHT.model_copy(update={"evidence": [*RIGHT.evidence, *gone]})
    page = written(evaluate(bot, [asked], "q"), tmp_path)
    told = "Notes that are not there, so that other evidence of the same questions has to do: &lt;gone&gt;.md, lost.md."
    assert told in page.partition('<section id="figures"')[0]
    assert "Notes that are not there" not in kings.page


def test_the_worst_questions_come_first(kings: Written) -> None:
    run = kings.run

    def measured(n: int, **values: float) -> Run:
        outcomes = list(run.outcomes)
        outcomes[n] = replace(outcomes[n], measures={**outcomes[n].measures, **values})
        return replace(run, outcomes=tuple(outcomes))

    assert [run.questions[n].id for n in report.worst(run)] == ["unfound", "wrong"]
    assert headings(section(kings.page, "worst")) == [UNFOUND.question, WRONG.question]
    late = measured(0, **{"MRR@10": 0.5})
    assert [run.questions[n].id for n in report.worst(late)] == ["unfound", "right", "wrong"]
    assert [run.questions[n].id for n in report.worst(measured(3, **{"MRR@10": 1.0}))] == ["wrong"]


def test_no_more_than_thirty_of_the_worst_are_shown(bot: StudyBot, tmp_path: Path) -> None:
    asked = [ask(f"q{n}", f"What is number {n}?", (1, 1)) for n in range(32)]
    part = section(written(evaluate(bot, asked, "q"), tmp_path), "worst")
    assert headings(part) == [question.question for question in asked[:30]]
    assert "30 of 32" in part


def test_a_case_says_what_was_wanted_and_what_was_found(bot: StudyBot, tmp_path: Path) -> None:
    quoted = Evidence(
        note="kings.md",
        start_line=3,
        end_line=4,
        quote="Louis XVI was executed in 1793.\nHis brother became king in 1814.",
    )
    asked = WRONG.model_copy(update={"evidence": [quoted]})
    run = evaluate(bot, [asked], "q")
    part = section(written(run, tmp_path), "worst")
    assert "wrong · fact · evidence found at rank 1" in part
    assert "<blockquote>Louis XVI was executed in 1793.\nHis brother became king in 1814.</blockquote>" in part
    found = re.findall(r"<li>(.*?)<br>.*?<a [^>]*href=\"(.*?)\">(.*?)</a>\s*(.*?)</li>", part, re.DOTALL)
    hits = [hit.passage for hit in run.replies[0].hits[:3]]
    assert [(html.unescape(heading), html.unescape(address)) for heading, address, _, _ in found] == [
        (" › ".join(passage.heading), link(passage)) for passage in hits
    ]
    marked = [(place, "relevant" in mark) for _, _, place, mark in found]
    assert marked[0] == ("kings.md:3-4", True)
    assert not any(is_relevant for _, is_relevant in marked[1:])
    confidence = run.outcomes[0].confidence
    assert f'Answer, confidence {confidence:.2f}: <strong class="bad">wrong</strong>' in part
    answer = answer_of(run.replies[0])
    assert answer is not None
    assert f"<blockquote>{answer.text}</blockquote>" in part


def test_a_refusal_shows_what_it_withheld(make_bot: Callable[..., StudyBot], tmp_path: Path) -> None:
    bot = make_bot(min_confidence=1.0)
    bot.sync()
    page = written(evaluate(bot, [RIGHT, UNANSWERABLE], "q"), tmp_path)
    part = section(page, "worst")
    assert re.search(r'Refused; the answer withheld, confidence [01]\.\d\d: <strong class="good">right</strong>', part)
    assert "Louis XVI was executed in 1793." in part
    assert "None of 1." in section(page, "anyway")


def test_what_cannot_be_judged_is_not(bot: StudyBot, tmp_path: Path) -> None:
    page = written(evaluate(bot, [UNFOUND], "q"), tmp_path)
    assert '<strong class="">not judged</strong>' in section(page, "worst")


def test_unanswerable_questions_that_were_answered_come_most_confident_first(bot: StudyBot, tmp_path: Path) -> None:
    asked = [RIGHT, UNANSWERABLE, ask("sure", "Who was executed in 1794?", None, kind="unanswerable")]
    run = evaluate(bot, asked, "q")
    part = section(written(run, tmp_path), "anyway")
    by_confidence = sorted(run.outcomes[1:], key=lambda outcome: -outcome.confidence)
    assert re.findall(r'<p class="about">(\w+) · unanswerable · confidence (\S+)</p>', part) == [
        (outcome.id, f"{outcome.confidence:.2f}") for outcome in by_confidence
    ]
    assert by_confidence[0].id == "sure"


def test_only_times_differ_when_the_questions_are_asked_again(bot: StudyBot, kings: Written, tmp_path: Path) -> None:
    again = evaluate(bot, ASKED, "kings.jsonl")
    slower = [replace(reply, timings_ms={**reply.timings_ms, "total": 1234.5}) for reply in again.replies]
    page = written(replace(again, replies=tuple(slower)), tmp_path / "report")
    here, there = (text.partition('<section id="times"') for text in (page, kings.page))
    assert here[0] == there[0]
    assert ["total", "1,234.5", "1,234.5"] in rows(here[2])
    assert ["total", "1,234.5", "1,234.5"] not in rows(there[2])
    differing = [
        name for name in PLOTS if (tmp_path / "report" / name).read_bytes() != (kings.folder / name).read_bytes()
    ]
    assert differing == ["latency.png"]


def test_the_same_run_gives_the_same_bytes_over_what_was_there(run: Run, tmp_path: Path) -> None:
    written(run, tmp_path / "report")
    first = {file.name: file.read_bytes() for file in (tmp_path / "report").iterdir()}
    (tmp_path / "report" / "report.html").write_text("old")
    written(run, tmp_path / "report")
    assert {file.name: file.read_bytes() for file in (tmp_path / "report").iterdir()} == first


@pytest.mark.parametrize("name", ["file", "file/report"])
def test_a_folder_that_cannot_be_made_is_named_and_nothing_is_left(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ReportUnwritable, match=f"cannot be written to .*{name}: .*; name another folder") as caught:
        written(run, tmp_path / name)
    assert (caught.value.code, isinstance(caught.value, StudybotError)) == ("report_unwritable", True)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_that_cannot_be_replaced_leaves_no_draft(run: Run, tmp_path: Path) -> None:
    (tmp_path / "report" / "report.html").mkdir(parents=True)
    with pytest.raises(ReportUnwritable):
        written(run, tmp_path / "report")
    assert sorted(file.name for file in (tmp_path / "report").iterdir()) == sorted([*PLOTS, "report.html"])
