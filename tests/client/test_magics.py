"""The magics in a real kernel: asking, streaming, tools, interrupting."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from analyses.notebooks import sales_notebook
from engines import DEMO, FOLLOW_UP, environment
from jupyter_client.manager import AsyncKernelManager


class Kernel:
    """A kernel, asked cell by cell: ``run`` gives the status, the messages and the text shown."""

    def __init__(self, client: Any, manager: AsyncKernelManager) -> None:
        self.client = client
        self.manager = manager

    async def run(
        self, source: str, on_message: Any = None, on_input: Any = None
    ) -> tuple[str, list[dict[str, Any]], str]:
        messages: list[dict[str, Any]] = []
        shown: dict[str, str] = {}
        text = ""

        def take(message: dict[str, Any]) -> None:
            nonlocal text
            messages.append(message)
            content = message["content"]
            if message["msg_type"] == "stream":
                text += content["text"]
            elif message["msg_type"] in ("display_data", "update_display_data"):
                data = content["data"]
                shown[content["transient"].get("display_id", "")] = data.get(
                    "text/markdown", data.get("text/plain", "")
                )
            elif message["msg_type"] == "execute_result":
                text += content["data"]["text/plain"]
            elif message["msg_type"] == "error":
                text += "\n".join(content["traceback"])
            if on_message:
                on_message(message)

        asking = {"allow_stdin": on_input is not None, "stdin_hook": on_input}
        reply = await self.client.execute_interactive(source, timeout=100, output_hook=take, **asking)
        return reply["content"]["status"], messages, text + "\n".join(shown.values())


@contextlib.asynccontextmanager
async def kernel(folder: Path, settings: dict[str, str] | None = None) -> AsyncIterator[Kernel]:
    manager = AsyncKernelManager(kernel_name="python3")
    await manager.start_kernel(env=os.environ | (settings or environment(folder)), cwd=str(folder))
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=60)
        yield Kernel(client, manager)
    finally:
        client.stop_channels()
        await manager.shutdown_kernel()


async def test_a_cell_builds_while_one_watches_and_the_next_goes_on(tmp_path: Path):
    async with kernel(tmp_path) as cells:
        await cells.run("%load_ext jupyter_appbuilder")
        assert "No app yet" in (await cells.run("%appbuilder status"))[2]
        status, messages, text = await cells.run(f"%%appbuilder\n{DEMO}")
        assert status == "ok"
        updates = [m for m in messages if m["msg_type"] == "update_display_data"]
        assert len(updates) > 3
        first = updates[0]["content"]["data"]["text/markdown"]
        assert "<details>" not in first
        assert "✓ Created src/lib/tasks.ts" in text
        assert "recorded answer" in text
        last = [m["content"]["data"] for m in messages if m["msg_type"] == "update_display_data"][-1]["text/markdown"]
        assert last.startswith("✓ **Your task board is ready.** · 11 files changed · version ")
        assert "Created src/lib/tasks.ts" not in last.partition("<details>")[0]
        # The running app is below it; where no kernel runs that is a picture, or a line: never its address.
        (app,) = [m["content"]["data"] for m in messages if m["msg_type"] == "display_data"][1:]
        assert "application/vnd.jupyter.widget-view+json" in app
        assert "%appbuilder open task-board" in app["text/plain"]
        assert not any("/preview/" in str(m["content"]) for m in messages if m["msg_type"] != "comm_open")
        name = (await cells.run("app.name"))[2]
        assert (await cells.run(f"%%appbuilder build\n{FOLLOW_UP}"))[0] == "ok"
        assert (await cells.run("app.name, len(app.checkpoints)"))[2] == f"({name}, 3)"


async def test_tools_work_in_cells_and_mistakes_say_how_it_should_look(tmp_path: Path):
    async with kernel(tmp_path) as cells:
        status, _, text = await cells.run("%load_ext jupyter_appbuilder\n%appbuilder new tools --sandbox the-moon")
        assert status == "error"
        assert "Choose one of: auto, e2b, kubernetes, local" in text
        await cells.run("%appbuilder new tools --sandbox local")
        await cells.run("%%appbuilder write src/a b.py\nx")
        status, _, text = await cells.run("%%appbuilder write 'src/a b.py'\nif 1:\n    \n    pass\n>>> {x} $y")
        assert (status, text) == ("ok", "Created src/a b.py (+4 −0)\n")
        assert (await cells.run("app.read('src/a b.py')"))[2] == repr("if 1:\n    \n    pass\n>>> {x} $y\n")
        await cells.run("%%appbuilder edit 'src/a b.py'\n<<<<<<< SEARCH\nif 1:\n=======\nif 2:\n>>>>>>> REPLACE")
        assert "if 2:" in (await cells.run("%appbuilder run head -1 'src/a b.py'"))[2]
        tree = (await cells.run("print(app.tree)"))[2].strip()
        assert tree in (await cells.run(f"%appbuilder verify {tree}"))[2]
        status, _, text = await cells.run("%appbuilder verify 0000")
        assert status == "error"
        assert "not those that were expected" in text
        status, _, text = await cells.run("%appbuilder wriet x")
        assert status == "error"
        assert "Did you mean 'write'?" in text
        assert "Traceback" not in text
        status, _, text = await cells.run(
            "%%appbuilder edit 'src/a b.py'\n<<<<<<< SEARCH\nno\n=======\n>>>>>>> REPLACE"
        )
        assert status == "error"
        assert "did not find" in text
        assert "%%appbuilder write PATH" in (await cells.run("%appbuilder help"))[2]
        status, messages, _ = await cells.run("%appbuilder preview")
        assert status == "ok"
        assert not any("/preview/" in str(m["content"]) for m in messages)


async def test_without_a_model_a_cell_refuses_and_makes_no_app(tmp_path: Path):
    async with kernel(tmp_path) as cells:
        await cells.run("%load_ext jupyter_appbuilder")
        for command in ("", " plan", " ask"):
            status, _, text = await cells.run(f"%%appbuilder{command}\nA habit tracker")
            assert status == "error"
            assert "No model is set up" in text
            assert "Model settings" in text
        assert "No app yet" in (await cells.run("%appbuilder status"))[2]
        await cells.run("%appbuilder new habits --template plain")
        assert (await cells.run("%%appbuilder\nA habit tracker"))[0] == "error"


async def test_interrupting_the_cell_stops_the_turn(tmp_path: Path):
    async with kernel(tmp_path) as cells:
        await cells.run(
            "%load_ext jupyter_appbuilder\nfrom jupyter_appbuilder.client.engine import engine\n"
            "engine(demo_pace=0.05)\n%appbuilder new stopped"
        )
        interrupted: list[float] = []
        stopping: list[asyncio.Future[None]] = []

        def interrupt(message: dict[str, Any]) -> None:
            if message["msg_type"] == "update_display_data" and not interrupted:
                interrupted.append(time.monotonic())
                stopping.append(asyncio.ensure_future(cells.manager.interrupt_kernel()))

        status, _, text = await cells.run(f"%%appbuilder\n{DEMO}", interrupt)
        assert interrupted
        assert status == "error"
        assert "Stopped" in text
        assert (await cells.run("app.summary['turn']['reason']"))[2] == "'stopped'"


async def test_a_cell_hands_data_over_lists_it_and_refreshes_it(tmp_path: Path):
    async with kernel(tmp_path) as cells:
        await cells.run("%load_ext jupyter_appbuilder\nfrom jupyter_appbuilder.client.engine import engine")
        await cells.run("import pandas as pd; Sales = pd.DataFrame({'plz': ['00070'], 'n': [1]})")
        await cells.run("engine(template='static')")
        assert "In a new app, " in (await cells.run("%appbuilder data Sales"))[2]
        await cells.run("%appbuilder new shop --template static")
        assert "no data yet" in (await cells.run("%appbuilder data"))[2]
        status, _, text = await cells.run("%appbuilder data Sales --keep all")
        assert status == "ok"
        assert "sales: 1 row, 2 columns" in text
        assert "Every version of its rows is kept: 1 so far" in text
        (tmp_path / "Prices 2026.csv").write_text("a;b\n1;00070\n")
        assert "prices_2026: 1 row" in (await cells.run("%appbuilder data 'Prices 2026.csv' --private"))[2]
        (tmp_path / "Prices 2026.csv").write_text("a;b\n1;00070\n2;00071\n")
        assert "prices_2026: 2 rows" in (await cells.run("%appbuilder refresh prices_2026"))[2]
        listed = (await cells.run("%appbuilder data"))[2]
        assert "sales: 1 row, 2 columns" in listed
        assert "every version kept" in listed
        assert "private" in listed
        assert "['00070']" in (await cells.run("app.table('sales')['plz'].tolist()"))[2]
        for wrong, said in {
            "%appbuilder data sale": "Did you mean 'Sales'?",
            "%appbuilder data Sales --table No-Name": "no name for a dataset",
            "%appbuilder data Sales --keep some": "latest, all",
            "%appbuilder refresh sales": "cannot get sales anew",
            "%appbuilder data --hash x": "recorded command",
        }.items():
            status, _, text = await cells.run(wrong)
            assert status == "error"
            assert said in text, wrong


async def test_an_interrupt_of_a_cell_that_hands_over_leaves_what_was_there(tmp_path: Path):
    async with kernel(tmp_path) as cells:
        await cells.run("%load_ext jupyter_appbuilder")
        await cells.run("%appbuilder new shop --template static")
        await cells.run("rows = [{'a': 1}]")
        assert (await cells.run("%appbuilder data rows"))[0] == "ok"
        await cells.run("import time\ndef rows():\n    print('waiting', flush=True)\n    time.sleep(600)")

        def interrupt(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream" and "waiting" in message["content"]["text"]:
                asyncio.get_running_loop().create_task(cells.manager.interrupt_kernel())

        status, _, text = await cells.run("%appbuilder data rows", on_message=interrupt)
        assert status == "error"
        assert "Stopped." in text
        assert "1" in (await cells.run("len(app.table('rows'))"))[2]


async def test_a_notebook_makes_an_app_of_itself_with_the_frames_that_it_shows(tmp_path: Path):
    here = {"JPY_SESSION_NAME": str(sales_notebook(tmp_path / "mine"))}
    async with kernel(tmp_path, environment(tmp_path) | here) as k:
        begun = "%load_ext jupyter_appbuilder\nimport pandas as pd\nby_region = pd.DataFrame({'region': ['Nordkap']})"
        assert (await k.run(begun))[0] == "ok"
        status, _, said = await k.run(f"%%appbuilder from-notebook --name mine\n{DEMO}")
        assert status == "ok", said
        assert "by_region: 1 row, 1 column" in said
        assert "sales: 2 rows, 3 columns" in said  # the file that df was read from: this kernel has no df
        assert "Read sales.ipynb: 3 cells, 1 chart, 1 table." in said
        _, _, listed = await k.run("sorted(dataset.name for dataset in app.datasets), app.name")
        assert "(['by_region', 'sales'], 'mine')" in listed
