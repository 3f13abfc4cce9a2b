import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from studybot import readme, results
from studybot.ablation import Ablation
from studybot.benchmark import Benchmark, Cold, Embedding, Percentiles, Syncing, Warm
from studybot.bootstrap import Figure
from studybot.questions import ALL
from studybot.readme import BEGIN, END
from studybot.results import AblationResult, Result
from tests.conftest import CHECKOUT

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")


def test_every_make_target_that_is_named_exists_and_has_a_line_of_help() -> None:
    named = set(re.findall(r"make ([a-z]+)\b", README)) - {"and"}
    shown = subprocess.run(["make", "help"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    helped = {line.split()[1] for line in shown.splitlines() if line.startswith("make ")}
    assert helped >= {"install", "serve", "test", "check", "bench"}
    assert named <= helped


def test_every_link_leads_somewhere() -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)]+)\)", README)
    assert targets
    assert [target for target in targets if not (CHECKOUT / target).exists()] == []


def test_the_answer_that_is_shown_is_in_the_sample_notes() -> None:
    shown = re.search(r"\n\[1\] (\S+?):(\d+)-(\d+) [^\n]*\n((?:    [^\n]*\n)+)", README)
    assert shown is not None
    note, start, end, text = shown.groups()
    lines = (CHECKOUT / "notes" / note).read_text(encoding="utf-8").split("\n")
    quoted = "\n".join(lines[int(start) - 1 : int(end)])
    assert "\n".join(line[4:] for line in text.rstrip("\n").split("\n")) == quoted


def test_the_page_refers_to_no_other_host() -> None:
    texts = {file.name: file.read_text(encoding="utf-8") for file in Path(CHECKOUT / "web").iterdir()}
    allowed = "http://www.w3.org/2000/svg"
    assert {name for name, text in texts.items() if re.search(r"(?<!:)//[a-z]", text.replace(allowed, ""))} == set()


def test_the_figures_are_those_of_the_kept_results() -> None:
    assert readme.with_section(README, CHECKOUT / "eval" / "results") == README


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Return a folder with two results, and what each part brings on the second one's questions."""
    rank = Figure(2 / 3, 0.25, 1.0, 3)
    found = {
        "manual": {ALL: {"document hit@1": Figure(0.5, 0.0, 1.0, 2), "MRR@10": rank}},
        "own": {
            ALL: {"AUROC": Figure(0.75, 0.5, 0.875, 4), "hit@3": rank, "MRR@10": rank},
            "fact": {"answer words": Figure(12.5, 8.0, 20.5, 2), "MRR@10": Figure(1.0, 1.0, 1.0, 2)},
            "unanswerable": {"unanswerable refused": Figure(1.0, 1.0, 1.0, 1)},
        },
    }
    folder = tmp_path / "results"
    for name, figures in found.items():
        passages = {"manual": 12345, "own": 67}[name]
        results.write(
            Result(f"{name}.jsonl", 4, {"model": "words:1"}, {"passages": passages}, (), (), figures, ()),
            folder / f"{name}.json",
        )
    ways = Ablation("passage text", {"MRR@10": rank}, 9, 67), Ablation("words only", {"MRR@10": rank}, 1234, 0)
    results.write(AblationResult("own.jsonl", 3, {}, ways), folder / "ablations.json")
    return folder


SECTION = """Each with its 95 % interval and how many questions it is of:

|  | `manual.jsonl` | `own.jsonl` |
| --- | ---: | ---: |
| encoder | words | words |
| passages | 12,345 | 67 |
| document hit@1 | 0.500 [0.000, 1.000] n=2 | – |
| MRR@10 | 0.667 [0.250, 1.000] n=3 | 0.667 [0.250, 1.000] n=3 |
| AUROC | – | 0.750 [0.500, 0.875] n=4 |

`own.jsonl` by kind, with 95 % intervals:

| kind | n | MRR@10 | hit@5 | answer accuracy | answer words |
| --- | ---: | ---: | ---: | ---: | ---: |
| all | 3 | 0.667 [0.250, 1.000] | – | – | – |
| fact | 2 | 1.000 [1.000, 1.000] | – | – | 12.5 [8.0, 20.5] |

What each part brings, on `own.jsonl` (n = 3):

|  | MRR@10 | ms each | vectors |
| --- | ---: | ---: | ---: |
| passage text | 0.667 [0.250, 1.000] | 9 | 67 |
| words only | 0.667 [0.250, 1.000] | 1234 | 0 |"""


def test_figures_stand_between_their_marks_with_intervals_and_how_many_they_are_of(kept: Path) -> None:
    filled = f"# Title\n\n{BEGIN}\n\n{SECTION}\n\n{END}\n\nMore.\n"
    assert readme.with_section(f"# Title\n\n{BEGIN}\nold\n{END}\n\nMore.\n", kept) == filled
    assert readme.with_section(filled, kept) == filled


def write_figures(file: Path, kept: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "studybot.readme", str(file), str(kept)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_writes_the_figures(tmp_path: Path, kept: Path) -> None:
    (tmp_path / "README.md").write_text(f"{BEGIN}{END}", encoding="utf-8")
    done = write_figures(tmp_path / "README.md", kept)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == f"{BEGIN}\n\n{SECTION}\n\n{END}"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("results/own.json", "{}", "own.json is no result of `studybot eval --save`: questions: Field required"),
        ("results/ablations.json", None, "ablations.json cannot be read: No such file or directory"),
        ("README.md", None, "No such file or directory"),
        ("README.md", "no marks", "studybot: "),
    ],
)
def test_why_figures_cannot_be_written_is_told_in_one_line(
    tmp_path: Path, kept: Path, name: str, content: str | None, problem: str
) -> None:
    (tmp_path / "README.md").write_text(f"{BEGIN}{END}", encoding="utf-8")
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    done = write_figures(tmp_path / "README.md", kept)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("studybot: ")
    assert problem in done.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_how_quick_it_is_is_told_where_it_was_measured(kept: Path) -> None:
    warm = Warm(660, 3475, False, Percentiles(9.6, 14.2, 20.0), Percentiles(3.4, 5.0, 8.0), 202)
    made = Benchmark({}, (warm,), Cold(0.86, 9.5), Embedding(4135, 25.0, 50.0), Syncing(3090, 68937, 0.14, 1.5))
    (kept / "bench.json").write_bytes(TypeAdapter(Benchmark).dump_json(made))
    assert (
        readme.section(kept)
        == f"""{SECTION}

How quick it is; questions by p50 / p95 / p99:

| passages | statements | a question, ms | of it beyond encoding | server, MB |
| --- | ---: | ---: | ---: | ---: |
| 660 | 3,475 | 10 / 14 / 20 | 3 / 5 / 8 | 202 |

|  | seconds | beside | seconds |
| --- | ---: | ---: | ---: |
| `studybot ask`, a process | 0.9 | LangChain and FAISS | 9.5 |
| indexing 4,135 texts | 25.0 | sentence-transformers, encoding alone | 50.0 |
| `studybot index`, 3,090 notes, none changed | 0.1 | – | – |
| the same, one note edited | 1.5 | – | – |"""
    )
