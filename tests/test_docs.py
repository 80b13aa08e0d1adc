"""The documentation as text: widths, lengths, and whether the modules that it names are there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ARCHITECTURE = ROOT / "docs" / "architecture.md"
ITEM = re.compile(r"\s*([-*+]|\d+\.)\s")
WIDTH = 120
LINES = 6


def paragraphs(document: Path) -> Iterator[list[str]]:
    """Paragraphs and list items, without code and tables."""
    lines: list[str] = []
    code = False
    for line in [*document.read_text("utf-8").split("\n"), ""]:
        fence = line.strip().startswith("```")
        code ^= fence
        if code or fence or not line.strip() or line.startswith(("|", "#", "<", ">", "![")) or ITEM.match(line):
            if lines:
                yield lines
            lines = []
        if not (code or fence) and line.strip() and not line.startswith(("|", "#", "<", ">", "![")):
            lines.append(line)


DOCUMENTS = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_prose_has_one_width(document: Path):
    prose = [line for lines in paragraphs(document) for line in lines]
    assert prose
    assert [line for line in prose if len(line) > WIDTH and not re.fullmatch(r"`[^`]+`", line)] == []


def test_paragraphs_of_the_architecture_are_short():
    assert [lines[0] for lines in paragraphs(ARCHITECTURE) if len(lines) > LINES] == []


def test_the_architecture_names_modules_that_are_there():
    panel = ROOT / "labextension"
    files = [*(ROOT / "jupyter_appbuilder").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    files += [*(panel / "src").rglob("*.ts*"), *(panel / "scripts").glob("*.py")]
    paths = ["/" + path.relative_to(ROOT).as_posix() for path in files]
    named = set(re.findall(r"`([\w./]+\.(?:py|tsx?))`", ARCHITECTURE.read_text("utf-8")))
    assert "session/record.py" in named
    assert [name for name in sorted(named) if not any(path.endswith("/" + name) for path in paths)] == []
