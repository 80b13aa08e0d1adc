"""Bundles made by hand, for the tests of targets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_appbuilder.publishing.base import MANIFEST, Bundle, BundleManifest, Order

PAGE = '<!doctype html><html><head><link rel="stylesheet" href="./assets/a.css"></head><body>Tea times</body></html>\n'
SITE: Mapping[str, str | bytes] = {
    "index.html": PAGE,
    "assets/a.css": "body { background: url(./b.png) }\n",
    "assets/b.png": bytes(range(256)),
}


def bundle(folder: Path, files: Mapping[str, str | bytes] = SITE, *, name: str = "tea-times") -> Bundle:
    """A static bundle below ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest: BundleManifest = {
        "format": 1,
        "kind": "static",
        "session": "",
        "name": name,
        "title": "Tea times",
        "template": "react-vite",
        "checkpoint": "c" * 40,
        "tree": "d" * 40,
        "built_at": "2026-11-30T20:00:00Z",
        "data_as_of": None,
        "promised": None,
        "serve": [],
        "ready": "",
        "strip": False,
        "environment": {},
        "data": [],
        "secrets": [],
        "hosts": [],
    }
    (folder / MANIFEST).write_text(json.dumps(manifest))
    for path, content in files.items():
        file = folder / "site" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Bundle(folder, manifest)


SERVER: Mapping[str, str | bytes] = {
    "serve.py": "from api.main import app\n",
    "api/main.py": "app = None\n",
    "dist/index.html": "built",
    "package.json": '{"dependencies": {}}\n',
    "package-lock.json": "{}\n",
    "requirements.txt": "fastapi\n",
    "requirements.lock": "fastapi==0.165.0 \\\n    --hash=sha256:00\n"
    "uvicorn==0.40.0 ; sys_platform != 'win32' \\\n    --hash=sha256:11\n",
}


def server_bundle(
    folder: Path, template: str = "fastapi-react", files: Mapping[str, str | bytes] = SERVER, **more: Any
) -> Bundle:
    """One of an app that has to run."""
    made = bundle(folder, files)
    (folder / "site").rename(folder / "app")
    manifest: BundleManifest = {**made.manifest, "kind": "server", "template": template, "serve": ["x"], **more}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return Bundle(folder, manifest)


def order(made: Bundle, number: int = 1, **settings: str) -> Order:
    return Order(made, number, None, settings)
