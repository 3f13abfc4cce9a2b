"""Notes as HTML: the lines of each block, and what a hostile note comes to."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studybot.links import Links
from studybot.markdown import parse
from studybot.rendering import Heading, render
from tests.conftest import CELLS, CHECKOUT

NOTES = ["biology/cells.md", "kings.md"]


def html(text: str, source: str = "here.md") -> str:
    return render(text, Links(source, lambda: NOTES)).html


class Reading(HTMLParser):
    """What a browser makes of it: elements with their attributes, and each text with the innermost lines around it."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, tuple[int, int]]] = []
        self._open: list[tuple[str, tuple[int, int]]] = []
        self.feed(markup)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag not in ("br", "hr", "wbr"):
            first, _, last = (attributes.get("data-lines") or "").partition("-")
            self._open.append((tag, (int(first), int(last)) if first else self._lines()))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((data, self._lines()))

    def _lines(self) -> tuple[int, int]:
        return self._open[-1][1] if self._open else (0, 0)

    @property
    def text(self) -> str:
        return " ".join("".join(text for text, _ in self.texts).split())


def lines(markup: str) -> list[tuple[str, str]]:
    return [(tag, value) for tag, attributes in Reading(markup).elements if (value := attributes.get("data-lines"))]


def test_every_block_tells_its_lines() -> None:
    assert lines(html(CELLS)) == [
        ("h1", "1-1"),
        ("p", "3-3"),
        ("h2", "5-5"),
        ("ul", "7-10"),
        ("li", "7-7"),
        ("span", "7-7"),
        ("li", "8-10"),
        ("span", "8-8"),
        ("ul", "9-10"),
        ("li", "9-9"),
        ("span", "9-9"),
        ("li", "10-10"),
        ("span", "10-10"),
        ("h2", "12-12"),
        ("table", "14-17"),
        ("thead", "14-14"),
        ("tr", "14-14"),
        ("tbody", "16-17"),
        ("tr", "16-16"),
        ("tr", "17-17"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("---\ntags: x\n---\n\nOne.", [("details", "1-3"), ("p", "5-5")]),
        ("One\rsame line.\n\nTwo.", [("p", "1-1"), ("p", "3-3")]),
        ("One\u2028\fsame line.\n\nTwo.", [("p", "1-1"), ("p", "3-3")]),
        ("Title\n=====\n\nOne\ntwo.\n\n\n", [("h1", "1-2"), ("p", "4-5")]),
        ("```py\nx\n\n```\n\nOne.", [("pre", "1-4"), ("p", "6-6")]),
        ("```py\nx\n\nnever closed", [("pre", "1-4")]),
        ("$$\na\n$$\n\n    code\n\n---", [("pre", "1-3"), ("pre", "5-5"), ("hr", "7-7")]),
        ("> [!tip] T\n> one\n>\n> two", [("blockquote", "1-4"), ("p", "1-1"), ("p", "2-2"), ("p", "4-4")]),
        ("<div>\nhi\n</div>\n\nOne.", [("div", "1-3"), ("p", "5-5")]),
    ],
)
def test_lines_are_those_of_the_note(text: str, expected: list[tuple[str, str]]) -> None:
    assert lines(html(text)) == expected


def test_the_outline_has_every_heading_with_an_id_of_its_own() -> None:
    shown = render("# A *b* & `c`\n\n## Same\n\n> # Quoted\n\n## Same\n\n## Same 1\n\n#\n", Links("a.md", list))
    assert shown.outline == (
        Heading(1, "A b & c", "to-a-b--c", 1),
        Heading(2, "Same", "to-same", 3),
        Heading(2, "Same", "to-same-1", 7),
        Heading(2, "Same 1", "to-same-1-1", 9),
        Heading(1, "", "to-", 11),
    )
    ids = [attributes["id"] for _, attributes in Reading(shown.html).elements if "id" in attributes]
    assert ids == ["to-a-b--c", "to-same", "to-quoted", "to-same-1", "to-same-1-1", "to-"]


@pytest.mark.parametrize(
    "name", sorted(path.relative_to(CHECKOUT).as_posix() for path in CHECKOUT.glob("notes/**/*.md"))
)
def test_the_outline_agrees_with_the_sections(name: str) -> None:
    text = (CHECKOUT / name).read_text(encoding="utf-8")
    sections = [section for section in parse(text).sections if section.body_line > section.start_line]
    outline = render(text, Links(name, list)).outline
    assert [heading.line for heading in outline] == [section.start_line for section in sections]
    assert [heading.title for heading in outline] == [section.heading[-1] for section in sections]


HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT\nSRC=//evil.example/x.js></SCRIPT>",
    "words <script>alert(1)</script> more",
    "<img src=x onerror=alert(1)>",
    "words <img src=x onerror=alert(1)> more",
    "<b onclick=alert(1) style='position:fixed' id=state class=cited data-lines=1-9>bold</b>",
    "<p onmouseover=alert(1) style='color:red' id=state data-lines=1-9>paragraph</p>",
    "<a href='javascript:alert(1)'>link</a>",
    "<a href=' java&#10;script:alert(1)'>link</a>",
    "words <a href=data:text/html,x>link</a> and <a href='/api/index'>link</a>",
    "[link](javascript:alert(1)) [link](JaVaScRiPt:alert(1)) [link](vbscript:x) [link](data:text/html,<script>)",
    "[link]: javascript:alert(1)\n\n[link]",
    "<javascript:alert(1)>",
    "![image](javascript:alert(1)) ![image](https://evil.example/x.png) ![image](data:image/svg+xml,<svg/onload=x>)",
    "<svg><script>alert(1)</script></svg>",
    "<svg onload=alert(1)>",
    "<iframe src='https://evil.example'></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<object data=x></object><embed src=x><link rel=stylesheet href=x>",
    "<meta http-equiv=refresh content=0><base href=//evil.example>",
    "<form action=/api/index method=post><input name=x autofocus onfocus=alert(1)><button>go</button></form>",
    "<style>* { display: none }</style>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<p title='</p><script>alert(1)</script>'>titled</p>",
    "<div><table><tr><td></div><script>alert(1)</script>",
    "<template><script>alert(1)</script></template>",
    "<xmp><p title='</xmp><img src=x onerror=alert(1)>'>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo '<script>alert(1)</script>' ?>",
    "<!-- --!><script>alert(1)</script> -->",
    "<!--><script>alert(1)</script>-->",
    "<details open ontoggle=alert(1)>folded</details>",
    "[[a|<img src=x onerror=alert(1)>]] ![[<script>alert(1)</script>]]",
    "> [!<script>] x\n\n> [!tip] <img src=x onerror=alert(1)>",
    "$<script>alert(1)</script>$\n\n$$\n<script>alert(1)</script>\n$$",
    "```<script>\n<script>alert(1)</script>\n```",
    "---\ntitle: <script>alert(1)</script>\n---",
    "# <img src=x onerror=alert(1)> [x](javascript:alert(1))",
    "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
]
SHOWN = set(
    "a b blockquote br code details div em h1 h2 hr i li mark ol p pre s span strong summary sub sup table tbody td th "
    "thead tr u ul".split()
)
SAID = {"href", "rel", "target", "title", "class", "id", "data-lines", "start", "align", "dir", "lang"}


def is_harmless(markup: str) -> bool:
    for tag, attributes in Reading(markup).elements:
        assert tag in SHOWN
        assert set(attributes) <= SAID
        assert re.match(r"to-", attributes.get("id") or "to-")
        assert re.match(r"https?://|mailto:|/read\?note=|#to-", attributes.get("href") or "#to-")
        assert attributes.get("class") in (None, "callout", "title", "wide", "image")
    return True


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_note_is_harmless_and_what_follows_is_as_ever(text: str) -> None:
    markup = html(f"{text}\n\nWords *after* it.\n")
    assert is_harmless(markup)
    last = text.count("\n") + 3
    assert markup.endswith(f'<p data-lines="{last}-{last}">Words <em>after</em> it.</p>\n')


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("see <svg onload=x> there", "see <svg onload=x> there"),
        ("A Map<String, Integer> and List<T>", "A Map<String, Integer> and List<T>"),
        ("<p align=center>centred <b>bold", "centred bold"),
        ("a <u>b</u> <!-- hidden --> c<br>d", "a b cd"),
        ("<details>\n<summary>Folded</summary>\n\nWords\n\n</details>", "Folded Words"),
        ("<!-- hidden -->\n\nwords", "words"),
        ("<!-- never closed\n\nwords", "<!-- never closed words"),
        ("Costs $5 and $10, $E = mc^2$ and $$\\frac{a}{b}$$", "Costs $5 and $10, $E = mc^2$ and $$\\frac{a}{b}$$"),
        ("$$\n\\int_0^1 x_1 * y_1\n$$", "\\int_0^1 x_1 * y_1"),
        ("~~old~~ 😀 **القلب** يضخ", "old 😀 القلب يضخ"),
        ("- [ ] open\n- [x] done\n- [X] done\n- [y] other", "☐ open ☑ done ☑ done [y] other"),
        ("> [!warning]- Mind it\n> Body", "Warning: Mind it Body"),
        ("> [!note]\n> Body", "Note Body"),
        ("> [!tip] Tip", "Tip"),
        ("> [x] no callout", "[x] no callout"),
        ("---\ntags: [a]\n---\nWords", "Front matter--- tags: [a] --- Words"),
        ("![A cell](img/one%20cell.png) ![](x.png)", "Image: A cell (one cell.png) Image: x.png"),
        ("![A cell](data:image/png;base64,AA) ![](data:image/png;base64,AA)", "Image: A cell Image"),
        ("![[heart.png|300]]", "Image: heart.png"),
        ("[gone](gone.md) [slides](slides.pdf) [x](//evil.example)", "gone slides x"),
    ],
)  # fmt: skip
def test_what_a_note_says_stays_legible(text: str, shown: str) -> None:
    assert Reading(html(text)).text == shown


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("[[cells]]", "/read?note=biology/cells.md"),
        ("[[Cells#The Outer one|shown]]", "/read?note=biology/cells.md#to-the-outer-one"),
        ("![[kings]]", "/read?note=kings.md"),
        ("| a |\n|---|\n| [[kings\\|x]] |", "/read?note=kings.md"),
        ("[k](kings.md#rois-de-fran%C3%A7e)", "/read?note=kings.md#to-rois-de-fran%C3%A7e"),
        ("[h](#users--groups)", "#to-users--groups"),
        ("[[#Users & Groups]]", "#to-users--groups"),
    ],
)
def test_links_lead_to_other_notes_in_the_reader(text: str, address: str) -> None:
    assert [attributes.get("href") for tag, attributes in Reading(html(text)).elements if tag == "a"] == [address]


def test_links_to_other_sites_open_beside_the_note_and_tell_it_nothing() -> None:
    assert Reading(html("[site](https://example.org/?a=1&b=2)")).elements[1] == (
        "a",
        {"href": "https://example.org/?a=1&b=2", "target": "_blank", "rel": "noopener noreferrer"},
    )


def test_lines_stay_apart_where_the_writer_parted_them() -> None:
    apart = "Groups can only have users.\nUsers can be in many groups, and in none at all."
    assert html(apart).count("<br>") == 1
    wrapped = (
        "The light reactions take place in the membranes of the\nthylakoids, the others in the stroma around them."
    )
    assert html(wrapped).count("<br>") == 0
    assert html("By hand\\\nbroken.") == '<p data-lines="1-2">By hand<br>\nbroken.</p>\n'


def test_columns_keep_their_side_without_a_style() -> None:
    markup = html("| a | b |\n|--:|---|\n| 1 | 2 |")
    assert [attributes.get("align") for tag, attributes in Reading(markup).elements if tag in ("th", "td")] == [
        "right",
        None,
        "right",
        None,
    ]
    assert "style" not in markup


@pytest.mark.parametrize("mark", ["> ", "- ", "1. ", "> - "])
def test_what_is_nested_too_deep_is_still_shown_with_its_line(mark: str) -> None:
    nested = "\n".join(f"{mark * depth}w{depth}w" for depth in range(1, 160, 3))
    assert words_in_place(f"{nested}\n\nw{999}w", {depth: (depth + 2) // 3 for depth in range(1, 160, 3)})


def words_in_place(text: str, place: dict[int, int]) -> bool:
    """Hold that each word w1w, w2w, … is shown, within a block that names its line."""
    found: dict[int, tuple[int, int]] = {}
    for said, (first, last) in Reading(html(text)).texts:
        found.update({int(number): (first, last) for number in re.findall(r"w(\d+)w", said)})
    assert {number: lines for number, lines in found.items() if number in place} == {
        number: lines for number, line in place.items() if (lines := found[number]) and lines[0] <= line <= lines[1]
    }
    return True


BARE = ["", "---", "===", "|---|---|", "```", "```py", "~~~", "$$", "***", "\t"]
STARTS = (
    "|# |## |Title |- |  - |    - |> |> > |> - |1. |\t|    |$$|$|**|`|\\|==|[[|![[|[|![|- [ ] |> [!tip] |\r|\f|--- |"
    "<b>|<i><u>|</b>|<div>|</div>|<table><td>|<table>|<li>|</p>|<details>|<summary>|<script>|<style>|<svg>|<!-- |<!|<?|"
    "<textarea>|<plaintext>|<math><mi>|<select><option>|<a href='x'>|<title>"
).split("|")
LINE = st.one_of(
    st.sampled_from(BARE).map(lambda line: (line, False)),
    st.sampled_from([*STARTS, "|", "| "]).map(lambda start: (start, True)),
)


@given(st.lists(LINE, max_size=14))
def test_no_word_of_a_note_disappears_and_each_stands_in_its_line(parts: list[tuple[str, bool]]) -> None:
    text = "\n".join(f"{start}w{at}w | x" if goes_on else start for at, (start, goes_on) in enumerate(parts, 1))
    assert is_loaded_with_nothing(html(text))
    assert words_in_place(text, {at: at for at, (_, goes_on) in enumerate(parts, 1) if goes_on})


def is_loaded_with_nothing(markup: str) -> bool:
    active = {"script", "style", "img", "iframe", "svg", "math", "object", "form", "input", "link", "textarea", "title"}
    return {tag for tag, _ in Reading(markup).elements}.isdisjoint(active)


@given(st.text(max_size=200))
def test_any_text_is_rendered_harmlessly(text: str) -> None:
    shown = Reading(html(text))
    total = text.count("\n") + 1
    assert all(last <= total for _, (_, last) in shown.texts)
