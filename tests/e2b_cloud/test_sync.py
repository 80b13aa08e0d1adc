"""Files, both ways: quick, whole, and never trusting what comes from the cloud."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.sandbox.cloud import remote
from jupyter_appbuilder.sandbox.cloud.sync import Sync

from .stage import place, until


async def test_an_edit_by_hand_goes_up_by_itself_soon_and_whole(tmp_path: Path):
    async with place(tmp_path) as here:
        sandbox = await here.create()
        await sandbox.exec("true")
        sizes: set[int] = set()
        took: list[float] = []
        for number in range(5):
            text = f"{number}" * 400_000
            (here.app / "data.txt").write_text(text)
            began = time.monotonic()
            copy = here.copy / "data.txt"
            while True:
                try:
                    content = copy.read_text()
                except FileNotFoundError:
                    content = ""
                sizes.add(len(content))
                if content == text:
                    break
                assert time.monotonic() - began < 60
                await asyncio.sleep(0.002)
            took.append(time.monotonic() - began)
            await asyncio.sleep(0.2)
        assert sizes <= {0, 400_000}, "half a file was seen"
        # benchmarks/ has the figure of a quiet machine; here only that nobody waits for a poll
        assert min(took) < 10, took


async def test_a_deletion_by_hand_and_a_new_mode_go_up(tmp_path: Path):
    async with place(tmp_path) as here:
        sandbox = await here.create()
        (here.app / "run.sh").write_text("echo hi")
        (here.app / "old").write_text("old")
        await sandbox.exec("true")
        (here.app / "old").unlink()
        (here.app / "run.sh").chmod(0o755)
        await until(lambda: not (here.copy / "old").exists())
        await until(lambda: (here.copy / "run.sh").stat().st_mode & 0o100)


async def test_secrets_dependencies_and_repositories_stay_here(tmp_path: Path):
    async with place(tmp_path) as here:
        sandbox = await here.create()
        for name in (".env", ".env.local", ".git/config", "node_modules/a/index.js", ".envrc"):
            (here.app / name).parent.mkdir(parents=True, exist_ok=True)
            (here.app / name).write_text("x")
        found = (await sandbox.exec("find . -type f | sort")).stdout.split()
        assert found == ["./index.html", "./server.mjs"]


async def test_ignored_files_of_a_command_stay_there(tmp_path: Path):
    async with place(tmp_path) as here:
        sandbox = await here.create()
        (here.app / ".gitignore").write_text("dist/\n")
        (here.app / "dist").mkdir()
        (here.app / "dist" / "sent").write_text("sent")
        result = await sandbox.exec("cat dist/sent; echo built > dist/built; echo kept > kept")
        assert result.stdout == "sent"
        assert (here.app / "kept").exists()
        assert not (here.app / "dist" / "built").exists()
        assert (await sandbox.exec("cat dist/built dist/sent")).stdout == "built\nsent"


async def test_when_both_change_a_file_the_persons_stays_and_nothing_is_lost(tmp_path: Path):
    async with place(tmp_path) as here:
        sandbox = await here.create()
        (here.app / "both").write_text("first\n")
        begun = asyncio.Event()
        running = asyncio.create_task(
            sandbox.exec("echo theirs > both; echo go; sleep 1.5", on_output=lambda *_: begun.set())
        )
        await begun.wait()
        (here.app / "both").write_text("mine\n")
        result = await running
        assert (here.app / "both").read_text() == "mine\n"
        assert (here.app / "both.sandbox").read_text() == "theirs\n"
        assert "Yours was kept" in result.stderr or (here.app / "both.sandbox").exists()
        assert (await sandbox.exec("cat both both.sandbox")).stdout == "mine\ntheirs\n"


async def test_a_change_beats_a_deletion_on_either_side(tmp_path: Path):
    async with place(tmp_path) as here:
        sandbox = await here.create()
        for name in ("here", "there"):
            (here.app / name).write_text("first\n")
        begun = asyncio.Event()
        command = "echo changed > there; rm here; echo go; sleep 1"
        running = asyncio.create_task(sandbox.exec(command, on_output=lambda *_: begun.set()))
        await begun.wait()
        (here.app / "there").unlink()
        (here.app / "here").write_text("changed\n")
        await running
        await sandbox.exec("true")
        assert (here.app / "there").read_text() == "changed\n"
        assert (here.app / "here").read_text() == "changed\n"


async def test_large_changes_come_back_too(tmp_path: Path):
    async with place(tmp_path) as here:
        sandbox = await here.create()
        result = await sandbox.exec("head -c 9000000 /dev/urandom > big; sha1sum < big")
        import hashlib

        digest = hashlib.sha1((here.app / "big").read_bytes(), usedforsecurity=False).hexdigest()
        assert result.stdout.split()[0] == digest


class Hostile:
    """A cloud that sends what it likes."""

    def __init__(self, archive: bytes) -> None:
        self.archive = archive

    async def helper(self, command: str) -> str:
        if "collect" in command:
            return json.dumps({"number": 1, "archive": base64.b64encode(self.archive).decode()})
        return "{}"

    async def upload(self, path: str, content: bytes) -> None: ...

    async def download(self, path: str) -> Any:
        yield b""


def archive(members: list[tuple[tarfile.TarInfo, bytes]], deleted: list[str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as made:
        note = json.dumps({"deleted": deleted or []}).encode()
        for info, content in [(tarfile.TarInfo("note"), note), *members]:
            info.size = len(content)
            made.addfile(info, io.BytesIO(content) if info.isreg() else None)
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(f"files/{name}")
    info.type, info.linkname, info.mode = kind, link, mode
    return info


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "a/../../outside",
        "/etc/outside",
        "a//../../outside",
        ".git/hooks/post-checkout",
        "sub/.GIT/config",
        "node_modules/evil/index.js",
        ".env",
        "",
        ".",
        "a/./../..",
    ],
)
async def test_what_the_cloud_sends_stays_inside_the_app(tmp_path: Path, name: str):
    app = tmp_path / "session" / "app"
    app.mkdir(parents=True)
    sent = [(member("good.txt"), b"good"), (member(name), b"evil")]
    notes = await Sync(app, Hostile(archive(sent))).pull()
    assert (app / "good.txt").read_text() == "good"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [app / "good.txt"]
    assert notes


async def test_links_are_never_written_through(tmp_path: Path):
    app = tmp_path / "session" / "app"
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("key")
    app.mkdir(parents=True)
    sent = [
        (member("door", tarfile.SYMTYPE, str(tmp_path / "secret")), b""),
        (member("door/key"), b"overwritten"),
        (member("straight", tarfile.SYMTYPE, str(tmp_path / "secret/key")), b""),
        (member("straight"), b"a file now"),
        (member("hard", tarfile.LNKTYPE, str(tmp_path / "secret/key")), b""),
        (member("pipe", tarfile.FIFOTYPE), b""),
        (member("device", tarfile.CHRTYPE), b""),
        (member("setuid", mode=0o6755), b"#!/bin/sh\n"),
    ]
    await Sync(app, Hostile(archive(sent, ["../secret/key", "door/key", "/etc/hosts"]))).pull()
    assert (tmp_path / "secret" / "key").read_text() == "key"
    assert (app / "straight").read_text() == "a file now"
    assert not (app / "straight").is_symlink()
    assert not (app / "hard").exists()
    assert not (app / "pipe").exists()
    assert not (app / "device").exists()
    assert (app / "setuid").stat().st_mode & 0o7000 == 0


async def test_more_than_may_be_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(remote, "MOST_BYTES", 1000)
    app = tmp_path / "session" / "app"
    app.mkdir(parents=True)
    notes = await Sync(app, Hostile(archive([(member(f"{n}"), b"x" * 300) for n in range(9)]))).pull()
    assert sum(path.stat().st_size for path in app.iterdir()) <= 1000
    assert notes
