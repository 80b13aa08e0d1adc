"""A notebook's data in an app: what is handed over, told, kept, left out, and found again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from engines import prepared
from model_server import model_server

from jupyter_appbuilder import App
from jupyter_appbuilder.agents.history import messages
from jupyter_appbuilder.client.engine import engine
from jupyter_appbuilder.errors import Conflict, InvalidInput, NotFound, ToolFailed
from jupyter_appbuilder.notebook.replay import replay

FRAME = pd.DataFrame({"plz": ["00070", "80331"], "sold": [3, 5], "name": ["Zwetschgenkuchen", "Apfelstrudel"]})
PLACE = "data/sales.parquet"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    with prepared(tmp_path):
        yield App("shop", template="static")


def stored(app: App) -> list[Any]:
    async def read() -> list[Any]:
        return list((await app.aio.session()).stored)

    return app.aio.engine.run(read())


def told(app: App) -> str:
    return str(messages(stored(app), "system"))


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "data/appbuilder/datasets").rglob("*.*"))


def test_a_frame_is_in_the_app_is_listed_and_reads_back(app: App):
    handed = app.data("sales", FRAME)
    assert handed.rows == 2
    assert handed.seconds > 0
    assert "2 rows, 3 columns" in repr(handed)
    (dataset,) = app.datasets
    assert (dataset.name, dataset.rows, dataset.keep, dataset.private) == ("sales", 2, "latest", False)
    assert [column.type for column in dataset.columns] == ["text", "integer", "text"]
    pd.testing.assert_frame_equal(app.table("sales"), FRAME)
    pd.testing.assert_frame_equal(pd.read_parquet(app.folder / "app" / PLACE), FRAME)
    assert app.table("sales", kind="arrow").num_rows == 2
    assert app.table("sales", kind="polars").shape == (2, 3)


def test_each_template_has_it_where_its_pages_find_it(tmp_path: Path):
    with prepared(tmp_path):
        app = App("page", template="react-vite")
        app.data("sales", FRAME)
        assert (app.folder / "app/public/data/sales.parquet").is_file()


def test_what_reads_it_is_written_into_the_app_once_and_open_pages_are_told_each_time(tmp_path: Path):
    with prepared(tmp_path):
        app = App("page", template="react-vite")
        app.data("sales", FRAME)
        reader = app.folder / "app/src/datasets/use-table.ts"
        assert "src/datasets/sales.ts" in app.files
        assert "src/datasets/use-table.ts" in told(app)
        assert '} = useTable("NAME") of "@/datasets/use-table"' in told(app)
        written, tree = reader.stat().st_mtime_ns, app.tree
        app.data("sales", FRAME.head(1))
        assert (reader.stat().st_mtime_ns, app.tree) == (written, tree)
        app.data("sales", FRAME.assign(city="Oslo"))
        assert "city" in app.read("src/datasets/sales.ts")

        async def news() -> dict[str, int]:
            return dict((await app.aio.session()).app.data_news.replaced)

        assert app.aio.engine.run(news()) == {"sales": 3}
        assert asyncio.run(replay(app.notebook, tmp_path / "again")).tree == app.tree


def test_the_agent_is_told_of_the_columns_and_again_only_when_they_change(app: App):
    app.data("sales", FRAME)
    first = told(app)
    assert "Dataset sales: 2 rows, 3 columns" in first
    assert "sold: integer; from 3 to 5" in first
    assert "00070" in first
    app.data("sales", FRAME)
    assert told(app).count("sold: integer") == 1
    changed = app.data("sales", FRAME.assign(sold=["3", "5"], city="Oslo"))
    assert changed.changes == ("new column city: text", "sold: text in place of integer")
    assert told(app).count("sold: text;") == 1


def test_no_model_is_offered_the_step_or_may_take_it(app: App):
    async def offered() -> tuple[list[str], Any]:
        runner = (await app.aio.session()).runner
        given = {"name": "x", "path": "x", "hash": "0" * 64, "rows": 1, "size": 1, "columns": [], "as_of": ""}
        refused = await runner.run("add_dataset", given, call="r1.0", by="agent", turn="t1")
        return [tool["function"]["name"] for tool in runner.definitions()], refused

    names, refused = app.aio.engine.run(offered())
    assert "write_file" in names
    assert "add_dataset" not in names
    assert not refused.ok
    assert "There is no tool" in refused.text


def test_rows_are_in_no_version_patch_log_or_notebook(app: App, tmp_path: Path):
    rows = pd.DataFrame({"word": [f"confidential-{number}" for number in range(1000)]})
    app.data("words", rows)
    tree = app.tree
    app.data("words", rows.head(999))
    app.data("words", rows)
    assert app.tree == tree
    app.write("notes.md", "a\n")
    app.checkpoint("With data")
    assert "data/words.parquet" not in app.files
    app.close()
    last = b"confidential-999"
    looked = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".parquet"]
    assert any(path.suffix == ".ipynb" for path in looked)
    assert [path for path in looked if last in path.read_bytes()] == []
    assert last in (app.folder / "app/data/words.parquet").read_bytes()


async def test_of_private_data_no_value_is_told_anywhere(tmp_path: Path):
    secret = "Zwetschgenkuchen"
    frame = pd.DataFrame({"name": pd.Categorical([secret, "x"]), "salary": [987_654_321, 1]})
    with prepared(tmp_path):
        async with model_server([{"text": "It is there."}]) as server:
            settings = {"custom": {"base_url": server.url, "api_key": "sk-test-not-a-secret"}}
            engine(model="custom:scripted", providers=settings)
            app = await asyncio.to_thread(lambda: App("shop", template="static"))
            await app.aio.data("staff", frame, private=True)
            await app.aio.data("staff", frame)
            assert (await app.aio.datasets())[0].private
            with pytest.raises(InvalidInput) as caught:
                await app.aio.data("staff", [{"salary": 1}, {"salary": secret}])
            assert secret not in repr(caught.value) + repr(caught.value.__context__)
            await app.aio.build("Show the staff")
            sent = json.dumps([request.body for request in server.requests])
            exported = await app.aio.export(tmp_path)
            told = (await app.aio.transcript(tmp_path)).read_text()
            for picture in ("staff.png", "staff.webp"):
                with pytest.raises(Conflict) as refused:
                    await app.aio.save_picture(tmp_path / picture)
                assert refused.value.reason == "private_data"
            await app.aio.close()
    assert "There are no pictures: the app has private data." in told
    assert "<img" not in told
    assert "name: category" in sent
    assert "data/staff.parquet" not in zipfile.ZipFile(exported).namelist()
    for content in [sent.encode(), *(path.read_bytes() for path in tmp_path.rglob("*") if readable(path))]:
        assert secret.encode() not in content
        assert b"987654321" not in content
        assert b"987,654,321" not in content


def readable(path: Path) -> bool:
    return path.is_file() and path.suffix != ".parquet"


def test_the_latest_rows_alone_are_kept_unless_all_are_asked_for(app: App, tmp_path: Path):
    app.data("sales", FRAME)
    app.data("sales", FRAME.head(1))
    assert [path.stem for path in kept(tmp_path)] == [app.datasets[0].hash]
    handed = app.data("sales", FRAME, keep="all")
    assert "1 so far" in handed.notes[-1]
    assert "2 so far" in app.data("sales", FRAME.tail(1)).notes[-1]
    assert len(kept(tmp_path)) == 2
    app.aio.engine.run(app.aio.engine.builder.delete(app.id))
    assert kept(tmp_path) == []


def test_a_replay_finds_kept_rows_and_names_those_that_were_not(app: App, tmp_path: Path):
    app.data("sales", FRAME, keep="all")
    app.data("gone", FRAME)
    tree = app.tree
    found = asyncio.run(replay(app.notebook, tmp_path / "again"))
    assert (found.tree, found.verified, found.missing) == (tree, True, ())
    pd.testing.assert_frame_equal(pd.read_parquet(found.workspace / "app" / PLACE), FRAME)
    for path in [*kept(tmp_path), app.folder / "app/data/gone.parquet"]:
        if path.stem in ("gone", app.datasets[1].hash):
            path.unlink()
    again = asyncio.run(replay(app.notebook, tmp_path / "elsewhere"))
    assert (again.tree, again.verified) == (tree, True)
    (missing,) = again.missing
    assert 'app.data("gone", df)' in missing
    assert app.datasets[1].hash[:12] in missing
    assert "2 rows" in missing


def test_rows_of_a_session_folder_that_was_moved_to_another_machine_are_found(app: App, tmp_path: Path):
    app.data("sales", FRAME)
    notebook = app.notebook
    for path in kept(tmp_path):
        path.unlink()
    found = asyncio.run(replay(notebook, tmp_path / "again"))
    assert found.missing == ()
    assert (found.workspace / "app" / PLACE).is_file()
    with pytest.raises(NotFound, match="not on this machine"):
        app.table("sales")


def test_going_back_to_a_version_keeps_the_newest_data(app: App):
    app.data("sales", FRAME.head(1))
    app.write("a.txt", "a\n")
    first = app.checkpoints[0].id
    app.write("a.txt", "b\n")
    app.data("sales", FRAME)
    app.restore(first)
    assert app.read("a.txt") == "a\n"
    assert len(pd.read_parquet(app.folder / "app" / PLACE)) == 2


def test_a_fork_has_the_rows_and_goes_on_when_its_source_is_deleted(app: App, tmp_path: Path):
    app.data("sales", FRAME)
    app.write("a.txt", "a\n")
    fork = app.fork(checkpoint=app.checkpoints[0].id)
    app.aio.engine.run(app.aio.engine.builder.delete(app.id))
    pd.testing.assert_frame_equal(fork.table("sales"), FRAME)
    pd.testing.assert_frame_equal(pd.read_parquet(fork.folder / "app" / PLACE), FRAME)
    assert PLACE not in fork.files


def test_an_export_has_the_rows(app: App, tmp_path: Path):
    app.data("sales", FRAME)
    with zipfile.ZipFile(app.export(tmp_path)) as archive:
        assert PLACE in archive.namelist()


def test_a_function_and_a_file_are_asked_again_and_a_frame_cannot_be(app: App, tmp_path: Path):
    calls = iter([FRAME, FRAME.assign(city="Oslo")])
    app.data("sales", lambda: next(calls))
    again = app.refresh("sales")
    assert again.rows == 2
    assert again.changes == ("new column city: text",)
    file = tmp_path / "prices.csv"
    file.write_text("a\n1\n")
    app.data("prices", str(file))
    file.write_text("a\n1\n2\n")
    assert app.refresh("prices").rows == 2
    app.data("fixed", FRAME)
    with pytest.raises(InvalidInput, match="fixed") as caught:
        app.refresh("fixed")
    assert "app.data(" in caught.value.hint


def test_what_a_function_raises_is_raised_and_the_app_has_what_it_had(app: App, tmp_path: Path):
    app.data("sales", FRAME)
    before = (app.folder / "app" / PLACE).read_bytes()

    def fail() -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        app.data("sales", fail)
    assert "what it had before" in caught.value.__notes__[0]
    assert (app.folder / "app" / PLACE).read_bytes() == before
    assert [path.stem for path in kept(tmp_path)] == [app.datasets[0].hash]


@pytest.fixture
def heeds_interrupts() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_interrupts")
def test_an_interrupt_ends_a_function_that_never_returns(app: App, tmp_path: Path):
    import _thread

    app.data("sales", FRAME)
    before = (app.folder / "app" / PLACE).read_bytes()

    def never() -> None:
        threading.Timer(0.2, _thread.interrupt_main).start()
        while True:
            time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt):
        app.data("sales", never)
    assert (app.folder / "app" / PLACE).read_bytes() == before
    assert len(kept(tmp_path)) == 1
    assert app.data("sales", FRAME.head(1)).rows == 1


async def test_awaiting_can_be_cancelled_and_the_loop_goes_on(tmp_path: Path):
    with prepared(tmp_path):
        app = await asyncio.to_thread(lambda: App("waits", template="static"))
        going = threading.Event()
        end = threading.Event()

        def slow() -> pd.DataFrame:
            going.set()
            end.wait(60)
            return FRAME

        handing = asyncio.create_task(app.aio.data("sales", slow))
        while not going.is_set():
            await asyncio.sleep(0.01)
        handing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await handing
        end.set()
        assert (await app.aio.data("sales", FRAME)).rows == 2
        assert [one.name for one in await app.aio.datasets()] == ["sales"]
        assert len(await app.aio.table("sales")) == 2
        await app.aio.close()


@pytest.mark.parametrize("name", ["", "Sales", "1st", "a-b", "../x", "a" * 64, "sälë"])
def test_a_name_that_none_can_have_is_refused_before_anything_is_read(app: App, name: str):
    def never() -> None:
        raise AssertionError("it was called")

    with pytest.raises(InvalidInput, match="no name for a dataset"):
        app.data(name, never)


def test_a_file_of_the_apps_own_is_not_replaced(app: App):
    app.write(PLACE, b"PAR1 mine")
    with pytest.raises(ToolFailed, match="already"):
        app.data("sales", FRAME)
    assert (app.folder / "app" / PLACE).read_bytes() == b"PAR1 mine"
    assert app.datasets == []
    app.delete(PLACE)
    assert app.data("sales", FRAME).rows == 2


def test_the_apps_data_is_changed_by_handing_it_over_alone(app: App):
    app.data("sales", FRAME)
    for act in (
        lambda: app.write(PLACE, "x"),
        lambda: app.delete(PLACE),
        lambda: app.rename(PLACE, "x.parquet"),
        lambda: app.rename("data", "other"),
    ):
        with pytest.raises(ToolFailed, match="handed to the app"):
            act()
    assert app.run(f"rm {PLACE}").ok
    assert app.data("sales", FRAME).rows == 2
    assert (app.folder / "app" / PLACE).is_file()


def test_a_copy_that_a_command_makes_is_in_no_version_either(app: App, tmp_path: Path):
    app.data("sales", FRAME, private=True)
    tree = app.tree
    assert app.run(f"cp {PLACE} copy.parquet && mv {PLACE} data/moved.parquet && echo a > made.txt").ok
    assert "made.txt" in app.files
    app.delete("made.txt")
    assert app.tree == tree
    name = app.name
    app.close()
    again = App.open(name)
    assert "copy.parquet" not in again.files
    assert "copy.parquet" not in zipfile.ZipFile(again.export(tmp_path)).namelist()
    again.write("kept.parquet", (again.folder / "app/copy.parquet").read_bytes())
    again.rename("copy.parquet", "renamed.parquet")
    assert again.tree == tree
    assert asyncio.run(replay(again.notebook, tmp_path / "again")).tree == tree


def test_no_link_that_the_apps_code_made_is_followed(app: App, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    victim = outside / "victim"
    victim.write_text("mine")
    app.data("sales", FRAME)
    (app.folder / "app" / PLACE).unlink()
    (app.folder / "app" / PLACE).symlink_to(victim)
    app.data("sales", FRAME)
    assert victim.read_text() == "mine"
    (app.folder / "app" / PLACE).unlink()
    (app.folder / "app/data").rmdir()
    (app.folder / "app/data").symlink_to(outside)
    with pytest.raises(ToolFailed):
        app.data("sales", FRAME)
    assert sorted(os.listdir(outside)) == ["victim"]


def test_who_does_not_own_the_session_cannot_hand_over(tmp_path: Path):
    with prepared(tmp_path) as root:
        from jupyter_appbuilder.client.engine import Engine

        app = App("mine", template="static")
        other = Engine(root, label="another notebook")
        try:
            second = App._of(other, app.id)
            with pytest.raises(Conflict):
                second.data("sales", FRAME)
        finally:
            other.close()
        assert app.data("sales", FRAME).rows == 2


def test_old_half_written_files_go(app: App, tmp_path: Path):
    app.data("sales", FRAME)
    left = kept(tmp_path)[0].parent / ".0123456789abcdef"
    left.write_bytes(b"half")
    app.data("sales", FRAME)
    assert left.exists()  # another process may be writing it
    os.utime(left, (0, 0))
    app.data("sales", FRAME)
    assert not left.exists()


def test_what_is_read_back_is_what_was_handed_over_whatever_the_apps_code_did_to_its_copy(app: App):
    app.data("sales", FRAME)
    assert app.run(f"echo PAR1 > {PLACE}").ok
    pd.testing.assert_frame_equal(app.table("sales"), FRAME)
    assert app.data("sales", FRAME).rows == 2
    pd.testing.assert_frame_equal(pd.read_parquet(app.folder / "app" / PLACE), FRAME)


FULL_DISK = """
import resource, signal
import pandas as pd
from jupyter_appbuilder import App
from jupyter_appbuilder.errors import Unavailable

app = App.open("shop")
rows = pd.DataFrame({"a": [f"{number:060}" for number in range(200_000)]})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
try:
    app.data("sales", rows)
except Unavailable as error:
    print(error.reason)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
print(len(app.table("sales")), app.datasets[0].rows)
app.close()
"""


def test_a_full_disk_leaves_what_was_there_and_says_so(tmp_path: Path):
    with prepared(tmp_path):
        app = App("shop", template="static")
        app.data("sales", FRAME)
        before = (app.folder / "app" / PLACE).read_bytes()
        app.close()
        done = subprocess.run([sys.executable, "-c", FULL_DISK], capture_output=True, text=True, cwd=tmp_path)
        assert done.stdout.split() == ["disk_full", "2", "2"], done.stderr
        assert (app.folder / "app" / PLACE).read_bytes() == before
        assert len(kept(tmp_path)) == 1


def test_a_replay_in_a_terminal_says_which_rows_are_missing(app: App, tmp_path: Path):
    app.data("sales", FRAME)
    for path in [*kept(tmp_path), app.folder / "app" / PLACE]:
        path.unlink()
    command = [sys.executable, "-m", "jupyter_appbuilder.cli", "replay", str(app.notebook), "--into"]
    done = subprocess.run([*command, str(tmp_path / "x")], capture_output=True, text=True, check=True)
    assert "The rows of sales are not here: 2 rows" in done.stdout
    assert 'app.data("sales", df)' in done.stdout
    again = subprocess.run([*command, str(tmp_path / "y"), "--json"], capture_output=True, text=True, check=True)
    assert len(json.loads(again.stdout)["missing"]) == 1
