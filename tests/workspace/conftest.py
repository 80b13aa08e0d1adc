"""A workspace with a small app in it, made by real git in a temporary folder."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.workspace import Workspace

APP = "export default function App() {\n  return <h1>Hello</h1>;\n}\n"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    files = tmp_path / "template"
    (files / "src").mkdir(parents=True)
    (files / "src" / "App.tsx").write_text(APP)
    (files / "src" / "logo.bin").write_bytes(bytes(range(256)))
    (files / "index.html").write_text("<!doctype html>\n<div id=root></div>\n")
    (files / ".gitignore").write_text("dist/\n*.tsbuildinfo\n")
    (files / "run.sh").write_text("#!/bin/sh\necho hi\n")
    (files / "run.sh").chmod(0o755)
    return files


@pytest.fixture
def make(tmp_path: Path, template: Path) -> Callable[[], Coroutine[Any, Any, Workspace]]:
    async def create() -> Workspace:
        workspace = Workspace(tmp_path / "root" / "task-board")
        await workspace.create(template)
        return workspace

    return create
