import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import studybot

PACKAGE = Path(studybot.__file__).parent

LAYERS = (
    {"errors", "types"},
    {
        "settings",
        "files",
        "places",
        "beneath",
        "notes",
        "sentences",
        "markdown",
        "chunking",
        "encoding",
        "database",
        "vectors",
        "metrics",
    }
    | {"words", "followup", "conversation", "acronyms", "folding", "citations", "bootstrap", "regression", "questions"}
    | {
        "tables",
        "layout",
        "seals",
        "checksums",
        "export",
        "conversion",
        "watching",
        "links",
        "editor",
        "markup",
        "elements",
        "rendering",
    },
    {
        "fulltext",
        "passages",
        "store",
        "history",
        "fitted",
        "changes",
        "indexing",
        "spelling",
        "reading",
        "retrieval",
        "lookup",
        "answering",
    }
    | {"gap", "checkup", "repair", "headings"},
    {"bot"},
    {
        "shapes",
        "reply",
        "whereabouts",
        "asking",
        "saved",
        "verification",
        "transcript",
        "inventory",
        "suggestions",
        "reader",
        "summary",
        "figures",
        "syncing",
        "status",
        "pages",
        "guard",
        "access",
        "failures",
        "contract",
    }
    | {
        "api",
        "evaluation",
        "exchange",
        "comparison",
        "results",
        "gate",
        "ablation",
        "training",
        "fitting",
        "plots",
        "report",
        "authoring",
        "readme",
    }
    | {"pairs", "tuning", "peer", "synthetic", "benchmark"},
    {"server", "protocol", "measuring"},
    {"terminal", "cli", "__main__"},
)
DOORS = {
    "sqlite3": "database",
    "faiss": "vectors",
    "sentence_transformers": "encoding tuning",
    "datasets": "tuning",
    "transformers": "encoding",
    "tokenizers": "encoding",
    "torch": "conversion tuning",
    "onnx": "conversion",
    "onnxruntime": "export",
    "markdown_it": "markdown tables rendering elements",
    "mdit_py_plugins": "markdown",
    "nh3": "markup",
    "langchain_text_splitters": "chunking peer",
    "langchain_community": "peer",
    "charset_normalizer": "notes",
    "filelock": "indexing",
    "rapidfuzz": "spelling",
    "pydantic_settings": "settings",
    "uvicorn": "server protocol",
    "h11": "protocol",
    "watchfiles": "watching",
    "typer": "terminal cli",
    "rich": "terminal",
    "ir_measures": "metrics",
    "scipy": "regression",
    "sklearn": "regression",
    "matplotlib": "plots",
    "jinja2": "report",
}


@cache
def modules() -> dict[str, frozenset[str]]:
    """Return what each module imports."""
    files = (file for file in sorted(PACKAGE.glob("*.py")) if file.stem != "__init__")
    return {file.stem: frozenset(imports(ast.parse(file.read_text(encoding="utf-8")))) for file in files}


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_module_has_a_layer() -> None:
    assert modules().keys() == set().union(*LAYERS)


def test_imports_point_down() -> None:
    layer = {name: number for number, names in enumerate(LAYERS) for name in names}
    upward = [
        f"{name} imports {imported}"
        for name, found in modules().items()
        for imported in found
        for target in [imported.split(".")[1] if imported.startswith("studybot.") else None]
        if target in layer and layer[target] > layer[name]
    ]
    assert upward == []


@pytest.mark.parametrize(("library", "door"), DOORS.items())
def test_each_library_has_one_door(library: str, door: str) -> None:
    users = {name for name, found in modules().items() if library in {imported.split(".")[0] for imported in found}}
    assert users <= set(door.split())


def test_no_module_has_more_than_three_hundred_lines() -> None:
    lengths = {file.name: len(file.read_text(encoding="utf-8").split("\n")) for file in PACKAGE.glob("*.py")}
    assert {name: length for name, length in lengths.items() if length > 301} == {}


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    import subprocess

    heavy = ("torch", "transformers", "sentence_transformers", "faiss", "numpy", "fastapi", "langchain_text_splitters")
    program = f"import sys, studybot.cli; print([name for name in {heavy!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
