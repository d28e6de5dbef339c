"""The two documents as data: commands, tables, and what stands in code marks."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README, RUNBOOK = "README.md", "runbook.md"
DOCUMENTS = (README, RUNBOOK)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(r"^(\.venv/bin/\w+|flask|make|curl|kill|grep) ")
_BIN = ".venv/bin/"


def text_of(document: str) -> str:
    """Return a document's text."""
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str, *languages: str) -> list[str]:
    """Return the fenced blocks in one of these languages, in order."""
    return [body for name, body in _FENCE.findall(text_of(document)) if name in languages]


def commands(document: str) -> list[str]:
    """Return every command that a document tells its reader to run, in order."""
    lines = "\n".join(blocks(document, "console", "sh")).splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def code_marks(document: str) -> list[str]:
    """Return what stands in code marks in the text, outside of fenced blocks."""
    return _CODE.findall(_FENCE.sub("", text_of(document)))


def named_commands(document: str) -> list[str]:
    """Return the commands that stand in the text, in code marks."""
    return [without_folder(mark) for mark in code_marks(document) if _COMMAND.match(mark)]


def without_folder(command: str) -> str:
    """Return a command without the folder of the virtual environment."""
    return command.removeprefix(_BIN)


def table(document: str, *header: str) -> list[list[str]]:
    """Return the cells of the first table that has this header, row by row."""
    return tables(document, *header)[0]


def tables(document: str, *header: str) -> list[list[list[str]]]:
    """Return every table that has this header."""
    found, rows = [], None
    for line in text_of(document).splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if not line.startswith("|"):
            rows = None
        elif rows is not None and not set(line) <= set("|- "):
            rows.append(cells)
        elif cells == list(header):
            rows = []
            found.append(rows)
    assert found, f"{document} has no table with the columns {', '.join(header)}"
    return found


def marked(cell: str) -> str:
    """Return what a cell has in its first code marks."""
    found = _CODE.search(cell)
    assert found is not None, f"{cell!r} has nothing in code marks"
    return found[1]
