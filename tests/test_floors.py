"""Imports run downward: docs/architecture.md lists the rooms from the top floor to the ground."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "jupyter_appbuilder"
NOT_OURS = {"labextension", "locale", "static", "_templates", "__pycache__"}  # built, or the code of apps

UPWARD = {
    ("approvals", "tools"),  # the gate is asked about a tool and its context
}
"""Imports that still run upward, each to be taken away."""


def rooms() -> list[str]:
    """The folders and modules of the package's first level in the document's order."""
    text = (PROJECT / "docs/architecture.md").read_text()
    listing = re.search(r"^jupyter_appbuilder/\n(.*?)^(?:\S|```)", text, re.M | re.S)
    assert listing, "docs/architecture.md has no list of rooms"
    return [name.removesuffix("/") for name in re.findall(r"^  (\w+(?:/|\.py))\s", listing.group(1), re.M)]


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


def sources() -> Iterator[Path]:
    for path in PACKAGE.rglob("*.py"):
        if not {*path.relative_to(PACKAGE).parts, path.parent.name} & {*NOT_OURS, "recordings"}:
            yield path


def imported(path: Path) -> Iterator[str]:
    """The modules of ours that a module imports: also in functions, and for type checkers only."""
    package = [PACKAGE.name, *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def arrows() -> dict[tuple[str, str], str]:
    """Which room imports from which, with one place where it does."""
    found: dict[tuple[str, str], str] = {}
    for path in sources():
        for name in imported(path):
            first, *rest = name.split(".")
            if first != PACKAGE.name or not rest:
                continue
            # What is no module is a name in the package's own face.
            known = [rest[0], f"{rest[0]}.py"]
            to = next((room for room in known if (PACKAGE / room).exists()), "__init__.py")
            if to != room_of(path):
                found.setdefault((room_of(path), to), str(path.relative_to(PROJECT)))
    return found


def test_the_document_lists_each_room_once():
    there = {path.name for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()} - NOT_OURS
    assert sorted(rooms()) == sorted(there)


def test_imports_run_downward():
    floor = {room: number for number, room in enumerate(rooms())}
    upward = {arrow: place for arrow, place in arrows().items() if floor[arrow[1]] < floor[arrow[0]]}
    new = {f"{place}: {a} imports {b}" for (a, b), place in upward.items() if (a, b) not in UPWARD}
    assert not new
    assert not UPWARD - upward.keys(), "no longer there: take it out of the list"
