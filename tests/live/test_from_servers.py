"""Functions of an app's server call the notebook, over the connection that Jupyter has to it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from previewed import running
from tornado import httpserver, netutil, web

from jupyter_appbuilder.apps.control import Control
from jupyter_appbuilder.apps.python_calls import MOST_AT_ONCE, PythonCalls
from jupyter_appbuilder.live.running import exposed
from jupyter_appbuilder.live.under_way import under_way
from jupyter_appbuilder.sandbox.base import Address
from jupyter_appbuilder.session import Session

from .stage import Kernel, check, forecast, runtime_folder

PATIENCE = 300  # seconds


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path) -> Iterator[Path]:
    with runtime_folder(tmp_path) as folder:
        yield folder


FORECAST = """import type { Context } from "app";

export async function POST(request: Request, { python }: Context) {
  const { region } = (await request.json()) as { region: string };
  const rows = await python("forecast", { region });
  const shown = rows.map((row) => `${row.region} ${row.sold} ${(row.at as Date).getUTCFullYear()}`);
  return { rows: shown, sum: await python("check", { region }) };
}
"""

CATCHES = """import type { Context, PythonError } from "app";

export default async (_request: Request, { python }: Context) => {
  const told = await Promise.allSettled([
    python("check", { region: "Broken" }),
    // @ts-expect-error: there is none
    python("nothing"),
    // @ts-expect-error: it takes no such argument
    python("check", { regin: "x" }),
    python("check", { region: "x".repeat(2 ** 20) }),
    ...Array.from({ length: 20 }, () => python("stands")),
  ]);
  const said = ({ status, reason }: PythonError) => [status, reason];
  return told.map((one) => (one.status === "fulfilled" ? one.value : said(one.reason as PythonError)));
};
"""

WAITS = """import type { Context } from "app";

export default async (_request: Request, { python }: Context) => python("waits");
"""


async def until(true: Callable[[], object]) -> None:
    """Wait for it: the test has a limit of its own."""
    while not true():
        await asyncio.sleep(0.02)


async def exposing(session: Session, *functions: Any) -> Kernel:
    kernel = Kernel()
    for function in functions:
        await session.expose(exposed(function).told)
        await kernel.expose(function, session.id, timeout=600, at_once=64)
    return kernel


@pytest.mark.timeout(400)
async def test_a_function_calls_the_notebook_and_is_told_what_a_page_would_be(tmp_path: Path) -> None:
    standing, began, cancelled = threading.Event(), threading.Event(), threading.Event()

    def stands() -> str:
        standing.wait(PATIENCE)
        return "stood"

    async def waits() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with running(tmp_path, "serverless") as (session, builder, url), httpx.AsyncClient(timeout=PATIENCE) as http:
        notebook = await exposing(session, forecast, check, stands, waits)
        for name, text in (("forecast", FORECAST), ("catches", CATCHES), ("waits", WAITS)):
            await session.workspace.write(f"functions/{name}.ts", text)
        checked = await (await session.app.sandbox()).exec(builder.library.find("serverless").check)
        assert checked.exit_code == 0, checked.stdout + checked.stderr

        answer = await http.post(f"{url}api/forecast", json={"region": "North"})
        assert answer.json() == {"rows": ["North 0 2026", "North 1 2026"], "sum": 5}
        called = await session.call_function("forecast", method="POST", body={"region": "South"})
        assert json.loads(called.body)["rows"] == ["South 0 2026", "South 1 2026"]
        # What is not caught is answered with its sentence.
        answer = await http.post(f"{url}api/forecast", json={"region": "Nowhere"})
        assert (answer.status_code, answer.json()["detail"]) == (422, "There is no such region.")

        asked = asyncio.ensure_future(http.get(f"{url}api/catches"))
        standing.set()
        told = (await asked).json()
        assert told[:4] == [
            [500, "function_failed"],
            [404, "unknown_function"],
            [400, "unknown_argument"],
            [413, "request_too_large"],
        ]
        assert all(one in ("stood", [503, "busy"]) for one in told[4:])
        assert told[4:].count("stood") >= 1
        assert "hunter2" in notebook.said[0]

        # Whoever goes takes the call along.
        asking = asyncio.ensure_future(http.get(f"{url}api/waits"))
        assert await asyncio.to_thread(began.wait, PATIENCE)
        asking.cancel()
        assert await asyncio.to_thread(cancelled.wait, PATIENCE)

        # The server starts anew, and the notebook goes.
        await session.app.restart()
        assert (await http.post(f"{url}api/forecast", json={"region": "East"})).json()["sum"] == 4
        await notebook.socket.close()
        answer = await http.post(f"{url}api/forecast", json={"region": "East"})
        assert answer.status_code == 503
        assert "does not run" in answer.json()["detail"]
    assert not under_way


DEEP = "[" * 100_000
HOSTILE: list[bytes] = [
    b"",
    b"no JSON",
    b'{"ok": ' + DEEP.encode(),
    b'{"ok": []}',
    b'{"ok": {"calls": 7, "cancelled": {"a": 1}}}',
    b'{"ok": {"calls": [null, 7, "x", {}, [], {"id": 7, "name": "check", "given": "{}"}]}}',
    b'{"ok": {"calls": [{"id": "../x", "name": "check", "given": "{}"}, {"id": "x", "name": "check", "given": {}}]}}',
    b'{"ok": {"calls": [{"id": "x1", "name": "../../check", "given": "{}"}, {"id": "x2", "name": "", "given": "{}"}]}}',
    b'{"ok": {"calls": [{"id": "x3", "name": "check", "given": "\\ud800"}]}}',
    b'{"ok": {"calls": [{"id": "x4", "name": "check", "given": "{"}]}}',
    json.dumps({"ok": {"calls": [{"id": "x5", "name": "check", "given": DEEP}]}}).encode(),
    json.dumps({"ok": {"calls": [{"id": "x6", "name": "check", "given": "x" * 2_000_000}]}}).encode(),
    b'{"ok": {"cancelled": ["x1", 7, null, "never"], "calls": []}}',
    b'{"ok": {"calls": ["' + b"x" * 9_000_000 + b'"]}}',
]
"""What a server may say that is not ours."""

WRONG = {"x1": 404, "x2": 404, "x4": 400, "x5": 400, "x6": 413}
FLOOD = [{"id": f"s{number}", "name": "stands", "given": "{}"} for number in range(5000)]
LAST = [{"id": "a1", "name": "check", "given": '{"region": "North"}'}, {"id": "a2", "name": "mine", "given": "{}"}]


@pytest.mark.timeout(400)
async def test_a_server_that_says_anything_is_held_to_so_many_calls_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_appbuilder.apps.python_calls.PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("jupyter_appbuilder.apps.python_calls.AGAIN_SECONDS", (0.01, 0.01))
    notebook, standing, at_once, most = Kernel(), threading.Event(), 0, 0
    stand = threading.Lock()

    def stands() -> None:
        nonlocal at_once, most
        with stand:
            at_once += 1
            most = max(most, at_once)
        standing.wait(PATIENCE)
        with stand:
            at_once -= 1

    await notebook.expose(check, "one")
    await notebook.expose(stands, "one", at_once=64, timeout=600)
    await notebook.expose(lambda: "of another", "two", name="mine")
    answers: dict[str, tuple[int, Any]] = {}

    async def saying() -> AsyncGenerator[bytes]:
        for text in HOSTILE:
            yield text
        await until(lambda: WRONG.keys() <= answers.keys())
        yield json.dumps({"ok": {"calls": FLOOD}}).encode()
        await until(lambda: most == MOST_AT_ONCE)
        standing.set()
        await until(lambda: len(answers) == len(WRONG) + MOST_AT_ONCE)
        yield json.dumps({"ok": {"calls": LAST}}).encode()
        await asyncio.Event().wait()

    said = saying()

    class Hostile(web.RequestHandler):
        async def post(self) -> None:
            if head := self.request.headers.get("X-AppBuilder-Answer"):
                told = json.loads(head)
                answers[told["id"]] = told["status"], json.loads(self.request.body)
                self.finish({"ok": {}})
            else:
                self.finish(await anext(said))

    server = httpserver.HTTPServer(web.Application([(r"/base/control", Hostile)]), max_body_size=2**27)
    sockets = netutil.bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    calls = PythonCalls("one", Control("control"))
    try:
        await calls.listen(Address(url=f"http://127.0.0.1:{sockets[0].getsockname()[1]}"), "/base/")
        await until(lambda: len(answers) == len(WRONG) + MOST_AT_ONCE + len(LAST))
    finally:
        await calls.stop()
        server.stop()
        await server.close_all_connections()
        await notebook.socket.close()
    assert most == MOST_AT_ONCE
    assert answers["a1"] == (200, {"value": 5})
    assert answers["a2"][0] == 404
    assert {call: answers[call][0] for call in WRONG} == WRONG
    assert sum(call.startswith("s") for call in answers) == MOST_AT_ONCE
    assert not under_way
