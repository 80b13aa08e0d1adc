"""Where the attacks are run from: a real sandbox of each kind that isolates on this machine.

Every attack is code inside a sandbox, as a model would write it. What an attack is after exists and can be had from
outside with the same tool, or the test would prove nothing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from attack.kinds import GAPS, KINDS
from jupyter_appbuilder.sandbox.base import ExecResult
from jupyter_appbuilder.sandbox.local import LocalSandbox
from jupyter_appbuilder.sandbox.local.sandbox import AppSandbox
from jupyter_appbuilder.templates.templates import Template

TOOLS = Path(__file__).parent / "tools"
SECRET = "what-no-sandbox-may-see-7f3a"


@dataclass
class Box:
    """A sandbox under attack."""

    provider: LocalSandbox
    sandbox: AppSandbox
    app: Path
    kind: str

    async def run(self, command: str | Sequence[str], **options: Any) -> ExecResult:
        return await self.sandbox.exec(command, **{"timeout": 30, **options})

    async def python(self, script: str, *arguments: object) -> ExecResult:
        """Run a script of ours, ``tools/<script>.py``, or Python source."""
        name = f"{script}.py" if script.isidentifier() else "attack.py"
        source = TOOLS / name
        (self.app / name).write_text(source.read_text() if script.isidentifier() else script)
        return await self.run(["/usr/bin/python3", name, *map(str, arguments)])

    async def node(self, source: str, *arguments: object) -> ExecResult:
        (self.app / "attack.mjs").write_text(source)
        return await self.run(["node", "attack.mjs", *map(str, arguments)])


MakeBox = Callable[..., AbstractAsyncContextManager[Box]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", KINDS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        item.add_marker("attack")
        kind = getattr(item, "callspec", None) and item.callspec.params.get("kind")
        for name in (item.name, item.originalname):
            if reason := GAPS.get(kind, {}).get(name):
                # Strict: the day it holds, this fails and the entry goes.
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.fixture
def box(kind: str, tmp_path: Path) -> MakeBox:
    """``async with box() as here``: a sandbox of the kind at hand. Those of one test share nothing but the cache."""
    return _make(kind, tmp_path)


@pytest.fixture
def usual(tmp_path: Path) -> MakeBox:
    """The same where the way of isolating does not matter: the attack is on what the host does afterwards."""
    return _make("auto", tmp_path)


def _make(kind: str, tmp_path: Path) -> MakeBox:
    @asynccontextmanager
    async def make(name: str = "session", *, serve: tuple[str, ...] = (), **options: Any) -> AsyncGenerator[Box]:
        app = tmp_path / "root" / "appbuilder" / name / "app"
        app.mkdir(parents=True, exist_ok=True)
        template = Template("tiny", "Tiny", "One file.", tmp_path, serve or ("node", "server.mjs", "{port}"), ("true",))
        provider = LocalSandbox(options.pop("cache_dir", tmp_path / "cache"), **({"isolation": kind} | options))
        try:
            yield Box(provider, await provider.create(name, app, template), app, kind)
        finally:
            await provider.close()

    return make


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of the person's, outside every app, that anybody may read."""
    path = tmp_path / "home" / "secret.txt"
    path.parent.mkdir()
    path.write_text(SECRET)
    path.parent.chmod(0o777)
    path.chmod(0o666)
    return path


def manifest(app: Path, **content: Any) -> None:
    (app / "package.json").write_text(json.dumps({"private": True, "type": "module", **content}))


def needs(program: str) -> str:
    """A program that the attacks use. Missing is a failure, not a reason to skip: see ``make system-test``."""
    found = shutil.which(program)
    assert found, f"The attacks need {program}: run make system-test."
    return found


def pytest_report_header() -> str:
    return f"attacked: sandboxes isolated by {', '.join(KINDS)}"
