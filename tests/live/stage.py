"""Functions as a notebook has them, and the socket by which an app's preview reaches them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from jupyter_appbuilder import AppError
from jupyter_appbuilder.errors import AppBuilderError
from jupyter_appbuilder.live.running import Functions, exposed
from jupyter_appbuilder.live.sockets import FunctionSocket, Reply, call_function


class Kernel:
    """What a notebook's process is to its apps."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.functions = Functions(self.said.append)
        self.socket = FunctionSocket(self.functions.call)

    async def expose(self, function: Callable[..., Any], session: str = "s1", **settings: Any) -> None:
        self.functions.put(session, exposed(function, **settings))
        await self.socket.tell(self.functions.seconds)


@contextlib.asynccontextmanager
async def kernel() -> AsyncIterator[Kernel]:
    made = Kernel()
    try:
        yield made
    finally:
        await made.socket.close()


@contextlib.contextmanager
def runtime_folder(folder: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "runtime"))
        yield folder / "runtime"


async def called(name: str, given: object = None, *, session: str = "s1") -> tuple[int, Any]:
    """The status and what came: a value, an error, or the bytes of a Parquet file."""
    body = given if isinstance(given, bytes) else json.dumps(given or {}).encode()
    try:
        reply = await call_function(session, name, body)
    except AppBuilderError as error:
        reply = Reply.of(error)
    if reply.form != "json":
        return reply.status, reply.body
    answer = json.loads(reply.body)
    return reply.status, answer["error"] if "error" in answer else answer["value"]


def forecast(region: str, months: int = 2) -> pd.DataFrame:
    """What will be sold."""
    at = pd.to_datetime(["2026-01-31"] * months, utc=True)
    return pd.DataFrame({"region": [region] * months, "sold": range(months), "at": at})


def check(region: str) -> int:
    if region == "Nowhere":
        raise AppError("There is no such region.")
    if region == "Broken":
        raise ValueError("postgres://user:hunter2@warehouse")
    return len(region)
