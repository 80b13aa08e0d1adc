"""The Python API, with and without ``await``, in a process of its own: no server."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from engines import DEMO, FOLLOW_UP, prepared

from jupyter_appbuilder import App
from jupyter_appbuilder.errors import Conflict, InvalidInput, NotFound, ToolFailed
from jupyter_appbuilder.notebook.replay import replay


def test_a_request_builds_and_the_next_goes_on_and_the_notebook_rebuilds_it(tmp_path: Path):
    with prepared(tmp_path) as root:
        app = App("board")
        turn = app.build(DEMO)
        assert turn.ok
        assert turn.recorded
        assert "src/App.tsx" in turn.files
        assert app.folder == root / "appbuilder" / "board"
        assert app.build(FOLLOW_UP).ok
        assert "src/App.tsx" in app.files
        result = asyncio.run(replay(app.notebook, tmp_path / "again"))
        assert result.tree == app.tree
        assert result.verified is True
        titles = [version.title for version in app.checkpoints]
        assert titles[:2] == [FOLLOW_UP, DEMO]


def test_tools_are_methods_and_say_what_went_wrong(tmp_path: Path):
    with prepared(tmp_path):
        app = App("tools")
        app.write("src/a.txt", "one\ntwo\n")
        app.edit("src/a.txt", "two", "three")
        assert app.read("src/a.txt") == "one\nthree\n"
        with pytest.raises(ToolFailed, match="did not find"):
            app.edit("src/a.txt", "four", "five")
        app.rename("src/a.txt", "src/b.txt")
        assert app.run("cat src/b.txt").text.endswith("one\nthree")
        failed = app.run("exit 3")
        assert not failed.ok
        assert "3" in failed.summary
        tree = app.checkpoint("By hand")
        app.delete("src/b.txt")
        assert app.tree != tree
        app.name_version(app.checkpoints[1].id, "With b")
        assert [version.name for version in app.checkpoints[:2]] == ["", "With b"]
        app.restore(app.checkpoints[1].id)
        assert app.tree == tree
        exported = app.export(tmp_path)
        assert "src/b.txt" in zipfile.ZipFile(exported).namelist()
        assert "/preview/" not in app.notebook.read_text()
        assert asyncio.run(replay(app.notebook, tmp_path / "again")).tree == tree


async def test_everything_can_be_awaited_and_the_loop_goes_on_meanwhile(tmp_path: Path):
    def make() -> App:
        return App("waits")

    with prepared(tmp_path):
        app = await asyncio.to_thread(make)
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.01)

        ticking = asyncio.create_task(tick())
        turn = await app.aio.build(DEMO)
        ticking.cancel()
        assert turn.ok
        assert ticks > 10
        await app.aio.write("src/a.txt", "a\n")
        assert await app.aio.read("src/a.txt") == "a\n"
        kinds = [message["kind"] async for message in app.aio.stream(FOLLOW_UP)]
        assert "live" in kinds
        await app.aio.close()


def test_a_session_is_opened_again_and_a_taken_name_is_refused(tmp_path: Path):
    with prepared(tmp_path):
        app = App("mine")
        app.write("a.txt", "a\n")
        with pytest.raises(Conflict, match="exists already"):
            App("mine")
        with pytest.raises(InvalidInput):
            App("Not A Name")
        with pytest.raises(NotFound):
            App.open("other")
        app.close()
        again = App.open("mine")
        assert again.id == app.id
        assert again.read("a.txt") == "a\n"
        again.write("a.txt", "b\n")


def test_a_notebook_that_makes_an_app_can_be_run_again(tmp_path: Path):
    with prepared(tmp_path) as root:
        app = App("mine", exist_ok=True)
        app.write("a.txt", "a\n")
        again = App("mine", exist_ok=True, model="demo:recorded", template="react-vite")
        assert again.id == app.id
        assert again.read("a.txt") == "a\n"
        with pytest.raises(Conflict) as caught:
            App("mine")
        assert "App.open('mine')" in caught.value.hint
        assert "exist_ok=True" in caught.value.hint
        (root / "appbuilder/other").mkdir()
        with pytest.raises(Conflict) as caught:
            App("other", exist_ok=True)
        assert "no app's" in caught.value.hint


def test_an_app_is_opened_with_another_model(tmp_path: Path):
    with prepared(tmp_path):
        App("mine")
        assert App.open("mine", model="ollama:some").summary["model"] == "ollama:some"
        assert App("mine", exist_ok=True, model="demo:recorded").summary["model"] == "demo:recorded"
        with pytest.raises(InvalidInput, match="nope"):
            App.open("mine", model="nope:none")
        assert App.open("mine").summary["model"] == "demo:recorded"


def test_bytes_and_large_files_go_in_and_are_replayed(tmp_path: Path):
    with prepared(tmp_path):
        app = App("files")
        picture = bytes(range(256)) * 4
        assert app.write("public/logo.png", picture).ok
        assert app.write("text.txt", b"as text\n").ok
        large = "a line of data\n" * 200_000
        assert "3,000,000 bytes" in app.write("data.csv", large).summary
        assert (app.folder / "app/public/logo.png").read_bytes() == picture
        assert (app.folder / "app/data.csv").read_text() == large
        assert app.read("text.txt") == "as text\n"
        asyncio.run(app.aio.write("public/logo.png", picture + b"\0\xff"))
        with pytest.raises(InvalidInput, match="no version") as caught:
            app.write("huge.bin", b"\xff" * (50 * 1024 * 1024 + 1))
        assert caught.value.hint
        assert not (app.folder / "app/huge.bin").exists()
        with pytest.raises(ToolFailed, match=r"2 MB.*app\.write"):
            app.aio.engine.run(app.aio._do("write_file", {"path": "x", "content": large}))
        tree = app.checkpoint("With data")
        assert asyncio.run(replay(app.notebook, tmp_path / "again")).tree == tree


@pytest.fixture
def heeds_interrupts() -> Iterator[None]:
    """A shell that starts tests in the background has them ignore interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_interrupts")
def test_an_interrupt_stops_the_turn_and_keeps_what_was_done(tmp_path: Path):
    import _thread

    with prepared(tmp_path):
        from jupyter_appbuilder.client.engine import engine

        engine(demo_pace=0.02)
        app = App("stopped")
        stream = app.stream(DEMO)
        next(stream)
        threading.Timer(1.5, _thread.interrupt_main).start()
        with pytest.raises(KeyboardInterrupt):
            for _ in stream:
                pass
        began = time.monotonic()
        stream.close()
        assert time.monotonic() - began < 5
        assert app.summary["turn"]["reason"] == "stopped"
        assert app.summary["state"] == "ready"


def test_the_preview_runs_on_the_loopback_and_its_address_is_not_shown(tmp_path: Path):
    with prepared(tmp_path):
        app = App("seen")
        preview = app.preview()
        assert preview.state == "ready"
        with urllib.request.urlopen(preview.url) as answer:
            assert b"<div id=" in answer.read()
            assert "sandbox allow-scripts" in answer.headers["Content-Security-Policy"]
        assert preview.url not in repr(preview)
        assert preview.url not in str(preview._repr_mimebundle_())
        app.close()
        with pytest.raises(OSError, match=r"404|refused"):
            urllib.request.urlopen(preview.url)
