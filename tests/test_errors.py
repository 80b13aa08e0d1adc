"""The tree of errors that errors.py draws is the whole one."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from jupyter_appbuilder import errors
from jupyter_appbuilder.errors import AppBuilderError

PACKAGE = Path(errors.__file__).parent
ENTRY = re.compile(r"^    ([ │├└─]*)([A-Z]\w+)(?: +(\d{3})|$)")
MODULE = re.compile(r"  ([a-z]+\.[a-z]+)$")


def drawn() -> dict[str, tuple[str, int, str]]:
    """By name: the base, the status and the module."""
    assert errors.__doc__
    found: dict[str, tuple[str, int, str]] = {}
    above: list[str] = []
    for line in errors.__doc__.splitlines():
        if entry := ENTRY.match(line):
            depth, name, status = len(entry[1]) // 4, entry[2], entry[3]
            above[depth:] = [name]
            module = MODULE.search(line)
            base = above[depth - 1] if depth else "Exception"
            found[name] = base, int(status or 500), module[1] if module else "errors"
    return found


def defined(of: type[AppBuilderError]) -> dict[str, tuple[str, int, str]]:
    module = of.__module__.removeprefix("jupyter_appbuilder.")
    found = {of.__name__: (of.__bases__[0].__name__, of.status, module)}
    for below in of.__subclasses__():
        if below.__module__.startswith("jupyter_appbuilder.") and not below.__name__.startswith("_"):
            found |= defined(below)
    return found


def test_the_tree_of_errors_is_drawn_whole():
    bases = re.compile(rf"^class \w+\(.*\b({'|'.join(drawn())})\b.*\)", re.MULTILINE)
    for file in sorted(PACKAGE.rglob("*.py")):
        if bases.search(file.read_text()):  # else there is nothing to find, and some files are programs
            importlib.import_module(".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts))
    assert defined(AppBuilderError) == drawn()
    here = {name for name, (_, _, module) in drawn().items() if module == "errors"}
    assert set(errors.__all__) == here


def test_a_cell_shows_the_sentence_and_the_line_that_it_is_about(capsys: pytest.CaptureFixture[str]):
    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    shell.run_cell("from jupyter_appbuilder.datasets.base import check_name\n\ncheck_name('Big One')\n")
    said = capsys.readouterr().out
    assert "Line 3 of the cell: check_name('Big One')" in said
    assert "InvalidInput: 'Big One' is no name for a dataset." in said
    assert "Use small letters" in said
    assert "base.py" not in said
    assert len(said.strip().splitlines()) == 3
