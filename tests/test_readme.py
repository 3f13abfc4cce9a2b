import re
import subprocess
from pathlib import Path

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
