"""The suites as somebody else has them: a file of tests anywhere, and pytest."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_appbuilder.testing.event_stores import EventStoreSuite
from jupyter_appbuilder.testing.sandboxes import SandboxSuite
from jupyter_appbuilder.testing.suite import Suite
from jupyter_appbuilder.testing.tools import ToolSuite

SILENT = """
from contextlib import asynccontextmanager

from jupyter_appbuilder.sandbox.base import Check, Isolation
from jupyter_appbuilder.testing.sandboxes import SandboxSuite, Subject


class Silent:
    async def describe_isolation(self):
        return Isolation("cloud", "A machine for each app.")

    async def check(self):
        return [Check("key", False, "There is no key.")]  # and no word of how to get one


class TestSilent(SandboxSuite):
    @asynccontextmanager
    async def subject(self, folder):
        yield Subject(folder, Silent(), None)


class TestNothing(SandboxSuite):
    pass
"""


def run(*arguments: str | Path, cwd: Path) -> str:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--strict-markers", *arguments]
    return subprocess.run(command, cwd=cwd, text=True, capture_output=True).stdout


def test_a_claim_that_fails_says_what_is_to_be_done(tmp_path: Path):
    (tmp_path / "test_mine.py").write_text(SILENT)
    said = run("-k", "says_what_isolates", cwd=tmp_path)
    assert "2 failed" in said
    told = said[: said.index("TestNothing.test_a_provider")]
    assert "Check(name='key', ok=False" in told, "what it was that does not hold"
    assert "What a sandbox provider must do" in told
    assert "a check that failed has a hint" in told
    assert "TestNothing needs a method `subject`" in said
    assert "RuntimeWarning" not in said


def test_a_pytest_that_has_nothing_to_do_with_it_pays_for_nothing(tmp_path: Path):
    (tmp_path / "test_other.py").write_text(
        "import sys\n\ndef test_it(capsys):\n    with capsys.disabled():\n"
        "        print('loaded:', sorted(name for name in sys.modules if 'appbuilder' in name or name == 'pydantic'))\n"
    )
    said = run("-q", cwd=tmp_path)
    package = "jupyter_appbuilder"
    assert f"loaded: {[package, f'{package}._version', f'{package}.testing', f'{package}.testing.plugin']}" in said


@pytest.mark.parametrize("suite", [SandboxSuite, EventStoreSuite, ToolSuite])
def test_every_claim_is_a_sentence(suite: type[Suite]):
    claims = {name: test for name, test in inspect.getmembers(suite) if name.startswith("test_")}
    assert claims
    assert [name for name, test in claims.items() if not (inspect.getdoc(test) or "").endswith(".")] == []
    assert suite.about
