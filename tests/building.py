"""An AppBuilder for tests: real workspace, tools and sandbox; the model is the scripted server (or the demo)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from model_server import ModelServer, Step, model_server
from traitlets.config import Config

from jupyter_appbuilder.builder import AppBuilder

CACHE = Path(os.environ.get("APPBUILDER_TEST_CACHE", Path.home() / ".cache" / "appbuilder-tests"))
"""Dependencies are installed once for all tests, as they are once for all sessions."""


def share_dependencies(data_dir: Path) -> None:
    """Let an AppBuilder with this data folder use the tests' common dependency cache."""
    CACHE.mkdir(parents=True, exist_ok=True)
    data_dir.mkdir(parents=True, exist_ok=True)
    cache = data_dir / "cache"
    if not cache.exists():
        cache.symlink_to(CACHE)


@contextlib.asynccontextmanager
async def app_builder(folder: Path, **traits: Any) -> AsyncIterator[AppBuilder]:
    """An AppBuilder whose root is ``folder/root``; opening it again on the same folder finds the same sessions."""
    (folder / "root").mkdir(exist_ok=True)
    share_dependencies(folder / "data")
    # Whoever tests how apps are looked at asks for it: a browser takes a second of each check.
    places = {"root_dir": str(folder / "root"), "data_dir": str(folder / "data"), "browser": "none"}
    builder = AppBuilder(**(places | {"config": Config()} | traits))
    try:
        yield builder
    finally:
        await builder.close()


@contextlib.asynccontextmanager
async def scripted_builder(
    folder: Path, steps: Sequence[Step] = (), **traits: Any
) -> AsyncIterator[tuple[AppBuilder, ModelServer]]:
    """An AppBuilder whose model answers from ``steps`` (see ``model_server``)."""
    async with model_server(steps) as server:
        endpoint = {"custom": {"base_url": server.url, "api_key": "sk-test-not-a-secret"}}
        async with app_builder(folder, model="custom:scripted", providers=endpoint, **traits) as builder:
            yield builder, server


def write(path: str, content: str) -> dict[str, Any]:
    return {"name": "write_file", "arguments": {"path": path, "content": content}}


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}
