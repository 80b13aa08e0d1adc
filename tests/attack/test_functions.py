"""Calling functions that a notebook exposed, from inside a sandbox: it has the socket's path, and may not have it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from live.stage import Kernel, runtime_folder

from .conftest import SECRET, MakeBox

CALL = r"""
import json, pathlib, socket, sys

for path in pathlib.Path(sys.argv[1]).glob("*.json") if len(sys.argv) < 3 else [pathlib.Path(sys.argv[2])]:
    try:
        note = json.loads(path.read_text())
        print("READ", path)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(str(path.with_suffix(".sock")))
            head = {"token": note["token"], "session": "s1", "name": "secret", "size": 0}
            connection.sendall(json.dumps(head).encode() + b"\n")
            print("ANSWERED", connection.makefile("rb").read())
    except OSError as error:
        print("FAILED", error)
"""


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of a short path: a socket's address is no longer than a hundred bytes."""
    with runtime_folder(tmp_path_factory.mktemp("r")) as runtime:
        yield runtime / "appbuilder/functions"


async def test_functions_of_a_notebook_are_out_of_reach(box: MakeBox, folder: Path):
    notebook = Kernel()
    called = threading.Event()

    def secret() -> str:
        called.set()
        return SECRET

    await notebook.expose(secret)
    (note,) = folder.glob("*.json")
    outside = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", CALL, str(folder)], capture_output=True, text=True, check=True
    )
    assert SECRET in outside.stdout, outside.stdout + outside.stderr
    called.clear()
    async with box() as here:
        result = await here.python(CALL, folder, note)
        assert "FAILED" in result.stdout, result.stderr
        assert "READ" not in result.stdout
        assert SECRET not in result.stdout
    assert not called.is_set()
