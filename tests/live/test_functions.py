"""An app calls functions of a notebook: what they take and give, what is refused, and what it costs the notebook."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import io
import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from jupyter_appbuilder import AppError
from jupyter_appbuilder.errors import InvalidInput
from jupyter_appbuilder.live.base import LONGEST_REQUEST, MOST_ROWS, WAITING, function_from, signature, told
from jupyter_appbuilder.live.running import Functions, exposed
from jupyter_appbuilder.live.signatures import described
from jupyter_appbuilder.settings import socket_address

from .stage import Kernel, called, kernel, runtime_folder

SECRET = "postgres://user:hunter2@warehouse/sales"


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path) -> Iterator[Path]:
    with runtime_folder(tmp_path) as folder:
        yield folder


@pytest.fixture
def notebook() -> Kernel:
    """Its socket ends with the test's event loop."""
    return Kernel()


def forecast(region: str, months: int = 6, since: datetime.date | None = None) -> list[Any]:
    """What will be sold.

    Read nothing here."""
    return [region, months, since]


# What they take


def test_a_function_is_described_by_its_signature_and_the_first_paragraph_of_its_words():
    found = described(forecast)
    assert signature(found) == "forecast(region: str, months: int = 6, since: date | None = None)"
    assert found.doc == "What will be sold."
    assert function_from(json.loads(json.dumps(told(found)))) == found


def test_a_default_that_may_be_a_secret_is_not_told():
    def rows(url: object = bytearray(SECRET.encode())) -> pd.DataFrame: ...

    found = described(rows)
    assert "hunter2" not in str(told(found))
    assert signature(found) == "rows(url: any = …) -> rows"


@pytest.mark.parametrize("name", ["__proto__", "_mine", "a-b", "", "../x", "naïve", "a" * 64])
def test_names_that_no_function_can_have_are_refused(name: str):
    with pytest.raises(InvalidInput, match="name"):
        exposed(lambda: 1, name)


async def test_arguments_come_by_name_as_the_types_say(notebook: Kernel):
    await notebook.expose(forecast)
    assert await called("forecast", {"region": "North"}) == (200, ["North", 6, None])
    status, value = await called("forecast", {"region": "N", "months": 3.0, "since": "2026-01-31"})
    assert (status, value) == (200, ["N", 3, "2026-01-31"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "lacks region"),
        ({"region": 3}, "region of forecast has to be a text, not a number"),
        ({"region": "N", "months": "3"}, "months of forecast has to be a whole number, not a text"),
        ({"region": "N", "months": 1.5}, "a whole number"),
        ({"region": "N", "months": True}, "a whole number, not true or false"),
        ({"region": "N", "since": "yesterday"}, "a date as YYYY-MM-DD or null"),
        ({"region": "N", "month": 3}, "has no parameter 'month'. Did you mean months?"),
        ({"region": "N", "__proto__": {}}, "has no parameter '__proto__'"),
        (b'{"region": NaN}', "NaN"),
        (b'{"region": 1e999}', "Infinity"),
        (b"[" * 100_000, "no JSON"),
        (b'{"region": "\\ud800"}', "surrogate"),
        (b'["North"]', "have to be an object"),
        (b"\xff", "no JSON"),
    ],
)
async def test_an_argument_that_does_not_fit_is_named_with_what_is_expected(notebook: Kernel, given: object, said: str):
    await notebook.expose(forecast)
    status, error = await called("forecast", given)
    assert status == 400
    assert said in f"{error['message']} {error['hint']}"


async def test_kinds_of_arguments(notebook: Kernel):
    def take(
        names: list[str],
        how: Literal["sum", "mean"],
        at: datetime.datetime,
        ratio: float = 1,
        flags: Sequence[bool] = (),
        where: dict[str, Any] | None = None,
        **more: Any,
    ) -> list[Any]:
        return [names, how, at.year, ratio, list(flags), where, more]

    await notebook.expose(take)
    given = {"names": ["a"], "how": "sum", "at": "2026-01-31T12:00:00Z", "ratio": 2, "flags": [True], "x": [1]}
    assert await called("take", given) == (200, [["a"], "sum", 2026, 2.0, [True], None, {"x": [1]}])
    for wrong in ({"names": ["a", 1]}, {"how": "max"}, {"at": "soon"}, {"flags": [1]}, {"where": []}):
        status, error = await called("take", given | wrong)
        assert (status, error["field"]) == (400, next(iter(wrong)))


async def test_an_unknown_function_is_told_with_the_nearest_name(notebook: Kernel):
    await notebook.expose(forecast)
    status, error = await called("forcast")
    assert (status, error["hint"]) == (404, "Did you mean forecast?")
    for name in ("__proto__", "constructor", "../forecast", "x" * 5000, "\u202e"):
        assert (await called(name))[0] == 404


# What they give


async def test_values_come_as_json_holds_them(notebook: Kernel):
    import numpy as np

    values = {
        "nan": [float("nan"), float("inf"), np.float64("nan"), pd.NaT, pd.NA],
        "large": 2**60 + 1,
        "money": decimal.Decimal("0.10"),
        "day": datetime.date(2026, 1, 31),
        "took": datetime.timedelta(seconds=1.5),
        "numpy": [np.int64(3), np.array([[1, 2]]), np.bool_(True)],
        "odd": "</script>\u2028\ud800🐧",
        "tuple": (1, {"a"}),
        1: None,
    }
    await notebook.expose(lambda: values, name="values")
    assert await called("values") == (
        200,
        {
            "nan": [None] * 5,
            "large": "1152921504606846977",
            "money": "0.10",
            "day": "2026-01-31",
            "took": 1500,
            "numpy": [3, [[1, 2]], True],
            "odd": "</script>\u2028\ufffd🐧",
            "tuple": [1, ["a"]],
            "1": None,
        },
    )


async def test_frames_come_as_parquet_with_their_types(notebook: Kernel):
    frame = pd.DataFrame(
        {"plz": ["00070"], "at": pd.to_datetime(["2026-01-31T12:00Z"]), "price": [decimal.Decimal("1.10")]}
    )
    await notebook.expose(lambda: frame, name="rows")
    status, body = await called("rows")
    assert status == 200
    pd.testing.assert_frame_equal(pq.read_table(io.BytesIO(body)).to_pandas(), frame)


async def test_what_is_too_much_or_nothing_that_an_app_can_read_is_said(notebook: Kernel):
    await notebook.expose(lambda: pd.DataFrame({"n": range(MOST_ROWS + 1)}), name="rows")
    await notebook.expose(lambda: "x" * 51 * 1024 * 1024, name="text")
    await notebook.expose(lambda: threading.Lock(), name="lock")
    status, error = await called("rows")
    assert (status, error["reason"]) == (413, "answer_too_large")
    assert "limit and an offset" in error["hint"]
    assert (await called("text"))[0] == 413
    status, error = await called("lock")
    assert (status, error["reason"]) == (400, "no_answer")
    status, error = await called("rows", b"x" * (LONGEST_REQUEST + 1))
    assert (status, error["reason"]) == (413, "request_too_large")


# When they fail, or take their time


async def test_of_what_is_raised_the_page_is_told_the_class_alone_and_the_notebook_everything(notebook: Kernel):
    def bad() -> None:
        raise ValueError(SECRET)

    def declined() -> None:
        raise AppError("There is no region of that name.")

    await notebook.expose(bad)
    await notebook.expose(declined)
    status, error = await called("bad")
    assert status == 500
    assert "ValueError" in error["message"]
    assert "hunter2" not in json.dumps(error)
    assert SECRET in notebook.said[0]
    assert "in bad" in notebook.said[0]
    assert await called("declined") == (
        422,
        {"message": "There is no region of that name.", "reason": "declined", "hint": ""},
    )
    for _ in range(50):
        await called("bad")
    assert len(notebook.said) == 20  # a page that asks all the time does not fill the notebook


async def test_a_call_that_takes_too_long_is_answered_and_its_place_is_free_once_it_has_ended(notebook: Kernel):
    going, ended = threading.Event(), threading.Event()

    def slow() -> str:
        going.set()
        ended.wait()
        return "done"

    await notebook.expose(slow, timeout=0.2, at_once=1)
    status, error = await called("slow")
    assert (status, error["reason"]) == (504, "timeout")
    assert going.is_set()
    status, error = await called("slow")  # the first one still runs: there is no way to end a thread
    assert (status, error["reason"]) == (503, "busy")
    ended.set()
    while (await called("slow"))[0] != 200:
        await asyncio.sleep(0.01)


async def test_so_many_run_at_a_time_and_a_thousand_more_are_refused_or_answered(notebook: Kernel):
    lock, most, running, calls = threading.Lock(), 0, 0, 0

    def work() -> int:
        nonlocal most, running, calls
        with lock:
            running, calls = running + 1, calls + 1
            most = max(most, running)
        threading.Event().wait(0.001)
        with lock:
            running -= 1
        return 1

    await notebook.expose(work, timeout=300)

    async def ask() -> int:
        return (await called("work"))[0]

    statuses = await asyncio.gather(*(ask() for _ in range(1000)))
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) >= WAITING
    assert most <= 4
    assert calls == statuses.count(200)
    assert await ask() == 200


async def test_who_hangs_up_cancels_a_coroutine(notebook: Kernel):
    began, cancelled = threading.Event(), threading.Event()

    async def wait() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    await notebook.expose(wait, timeout=600)
    asking = asyncio.ensure_future(called("wait"))
    assert await asyncio.to_thread(began.wait, 60)
    asking.cancel()
    assert await asyncio.to_thread(cancelled.wait, 60)


async def test_a_coroutine_answers(notebook: Kernel):
    async def double(n: int) -> int:
        await asyncio.sleep(0)
        return 2 * n

    await notebook.expose(double)
    assert await called("double", {"n": 4}) == (200, 8)


# Which process has them, and who may ask

OTHER = """
import asyncio, sys, time
from jupyter_appbuilder.live.running import Functions, exposed
from jupyter_appbuilder.live.sockets import FunctionSocket

functions = Functions()
functions.put("s1", exposed(lambda: "other", "where"))

async def main():
    socket = FunctionSocket(functions.call)
    await socket.tell(functions.seconds)
    print("there", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_without_the_notebook_a_call_is_told_so_and_with_it_answered_again(runtime: Path):
    async with kernel() as first:
        await first.expose(lambda: "first", name="where")
        assert await called("where") == (200, "first")
        with subprocess.Popen([sys.executable, "-c", OTHER], stdout=subprocess.PIPE) as other:
            assert other.stdout
            await asyncio.to_thread(other.stdout.readline)
            assert await called("where") == (200, "other")  # who exposed it last
            os.kill(other.pid, signal.SIGKILL)
            await asyncio.to_thread(other.wait)
        assert await called("where") == (200, "first")
    status, error = await called("where")
    assert (status, error["reason"]) == (503, "no_kernel")
    assert list((runtime / "appbuilder/functions").iterdir()) == []
    async with kernel() as again:
        await again.expose(lambda: "again", name="where")
        assert await called("where") == (200, "again")


async def test_a_kernel_that_stands_still_is_called_busy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jupyter_appbuilder.live.sockets.HEAD_SECONDS", 0.2)
    with subprocess.Popen([sys.executable, "-c", OTHER], stdout=subprocess.PIPE) as other:
        assert other.stdout
        await asyncio.to_thread(other.stdout.readline)
        os.kill(other.pid, signal.SIGSTOP)
        status, error = await called("where")
        assert (status, error["reason"]) == (503, "busy")
        os.kill(other.pid, signal.SIGKILL)


async def test_apps_have_functions_of_their_own(notebook: Kernel):
    await notebook.expose(lambda: "one", "s1", name="same")
    await notebook.expose(lambda: "two", "s2", name="same")
    assert await called("same") == (200, "one")
    assert await called("same", session="s2") == (200, "two")
    assert (await called("same", session="s3"))[1]["reason"] == "no_kernel"


async def test_nobody_without_the_secret_is_answered_and_none_but_the_person_can_read_it(
    notebook: Kernel, runtime: Path
):
    ran = threading.Event()
    await notebook.expose(ran.set, name="run")
    folder = runtime / "appbuilder/functions"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    (path,) = folder.glob("*.sock")
    for head in (
        b'{"token": "", "session": "s1", "name": "run", "size": 0}\n',
        b'{"session": "s1", "name": "run", "size": 0}\n',
        b'{"token": "\xc3\xa9", "session": "s1", "name": "run", "size": 0}\n',
        b"[]\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"x" * 100_000 + b"\n",
    ):
        with socket_address(path) as address:
            reader, writer = await asyncio.open_unix_connection(address)
        writer.write(head)
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
    assert not ran.is_set()


@pytest.mark.parametrize("note", [b"{", b"[]", b'{"since": "x", "functions": {"s1": {"f": 1}}}', b'{"functions": []}'])
async def test_a_damaged_note_is_passed_over(notebook: Kernel, runtime: Path, note: bytes):
    await notebook.expose(lambda: 1, name="one")
    (runtime / "appbuilder/functions/1-x.json").write_bytes(note)
    assert await called("one") == (200, 1)


async def test_one_that_leaves_as_its_turn_comes_takes_no_place() -> None:
    began, may_end = threading.Event(), threading.Event()

    def hold() -> str:
        began.set()
        may_end.wait(60)
        return "held"

    functions = Functions()
    functions.put("s", exposed(hold, at_once=1))
    first = asyncio.create_task(functions.call("s", "hold", {}))
    while not began.is_set():
        await asyncio.sleep(0.01)
    second = asyncio.create_task(functions.call("s", "hold", {}))
    while not functions.of("s")["hold"].waiting:
        await asyncio.sleep(0.01)
    may_end.set()
    while any(thread.name == "appbuilder-hold" for thread in threading.enumerate()):
        time.sleep(0.01)  # nothing else of this loop runs: that the first has ended is yet to be told
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert (await first).body == b'{"value":"held"}'
    assert (await functions.call("s", "hold", {})).body == b'{"value":"held"}'


async def test_the_documents_examples_of_rows_that_stay_where_they_are_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with duckdb.connect("orders.duckdb") as db:
        db.execute("""CREATE TABLE orders AS SELECT i AS id, TIMESTAMP '2026-01-01' + i * INTERVAL 1 HOUR AS placed,
            'Customer ' || i % 7 AS customer, i * 1.5 AS total, ['NO', 'DE'][1 + i % 2] AS country
            FROM range(1000) t(i)""")
    examples = re.findall("```python\n(.*?)```", (Path(__file__).parents[2] / "docs" / "live.md").read_text(), re.S)
    warehouse = "ibis.duckdb.connect('orders.duckdb', read_only=True)"
    asked: list[tuple[str, dict[str, Any], tuple[int, int]]] = [
        ("duckdb", {"search": "customer 3", "sort": "total"}, (50, 997)),
        ("ibis", {"country": "NO", "limit": 1000, "offset": 10}, (200, 978)),
    ]
    for library, arguments, expected in asked:
        [example] = [one for one in examples if f"import {library}" in one]
        functions = Functions()
        app = SimpleNamespace(expose=partial(_put, functions))
        exec(example.replace("ibis.snowflake.connect(...)", warehouse), {"app": app, "pd": pd, "Literal": Literal})
        [name] = functions.of("s")
        table = pq.read_table(io.BytesIO((await functions.call("s", name, arguments)).body))
        assert (table.num_rows, table["id"][0].as_py()) == expected


def _put(functions: Functions, function: Any) -> None:
    functions.put("s", exposed(function))
