"""The peer of a preview: the template's app in a plain folder, its dev server started as a person would."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from building import CACHE

from jupyter_appbuilder.sandbox.local.packages.dependencies import read_manifest
from jupyter_appbuilder.sandbox.local.processes.layout import find_node
from jupyter_appbuilder.templates.templates import find_template

from .jupyter import free_port


def copy_app(folder: Path) -> Path:
    """The template's files with the very packages that sandboxes mount, as hard links to them."""
    template = find_template("react-vite", [])
    app = folder / "bare"
    shutil.copytree(template.files, app)
    manifest = read_manifest(app, template.lock)
    assert manifest is not None
    packages = CACHE / "deps" / manifest.key / "node_modules"
    if not packages.is_dir():
        raise RuntimeError(f"The package cache {CACHE} is cold. Create a session once, and run this again.")
    shutil.copytree(packages, app / "node_modules", symlinks=True, copy_function=_link)
    return app


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # another file system
        shutil.copy2(source, target, follow_symlinks=False)


@contextlib.contextmanager
def vite(app: Path, *, warm: bool = False) -> Iterator[tuple[str, float]]:
    """(its URL, seconds from the start of the process to its first answer). ``warm`` keeps what Vite bundled before."""
    port = free_port()
    if not warm:
        shutil.rmtree(app / "node_modules" / ".vite", ignore_errors=True)
    began = time.perf_counter()
    process = subprocess.Popen(
        [
            str(find_node() / "bin" / "node"),
            "node_modules/vite/bin/vite.js",
            *("--configLoader", "native", "--host", "127.0.0.1", "--port", str(port), "--strictPort"),
        ],
        cwd=app,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not answers(port):
            if process.poll() is not None:
                raise RuntimeError(f"Vite ended with {process.returncode} in {app}.")
            time.sleep(0.002)
        yield f"http://127.0.0.1:{port}/", time.perf_counter() - began
    finally:
        process.kill()
        process.wait()


def answers(port: int, path: str = "/") -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Accept": "text/html"})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
