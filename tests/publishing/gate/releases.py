"""Releases made by hand: files of an app, a bundle of what was built of it, and what is known of both."""

from __future__ import annotations

import json
import random
import string
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jupyter_appbuilder.publishing.base import Bundle, BundleKind, BundleManifest, GateFinding, Release
from jupyter_appbuilder.publishing.gate.base import Bounds
from jupyter_appbuilder.publishing.gate.look import Job, look

WORD = string.ascii_letters + string.digits
HEX = "0123456789abcdef"

Files = Mapping[str, str | bytes]
NONE: Files = {}


def made(start: str, length: int, signs: str = WORD, seed: int = 7) -> str:
    """A key of the shape that a provider's have. Made as it is needed: none stands in this repository."""
    return start + "".join(random.Random(f"{start}{length}{seed}").choices(signs, k=length))


def write(folder: Path, files: Files) -> Path:
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def release(
    tmp_path: Path, app: Files | Path = NONE, bundle: Files | Path = NONE, *, kind: BundleKind = "static", **known: Any
) -> Release:
    """A release of an app with these files, and this bundle."""
    files = app if isinstance(app, Path) else write(tmp_path / "files", app)
    root = tmp_path / "bundle"
    manifest = BundleManifest(
        format=1,
        kind=kind,
        name="board",
        title="A board",
        template="react-vite",
        checkpoint="",
        tree="",
        built_at="2026-11-30T12:00:00Z",
        data_as_of=None,
        promised=None,
        serve=[],
        ready="",
        strip=False,
        environment={},
        data=[],
        secrets=[],
        hosts=[],
    )
    made = Bundle(root, manifest)
    if isinstance(bundle, Path):
        made.content.parent.mkdir(parents=True, exist_ok=True)
        made.content.symlink_to(bundle)
    else:
        write(made.content, bundle)
    (root / "appbuilder.json").write_text(json.dumps(manifest))
    return Release(bundle=made, files=files, template="react-vite", **known)


def seen(one: Release, bounds: Bounds | None = None) -> list[GateFinding]:
    """What the gate finds, without a process of its own."""
    job = Job(
        bundle=str(one.bundle.content),
        files=str(one.files),
        static=one.bundle.manifest["kind"] == "static",
        private=list(one.private),
        datasets={name: str(path) for name, path in one.datasets.items()},
        history=str(one.history or ""),
        secrets=dict(one.secrets),
        hosts=list(one.hosts),
        axe=[dict(finding) for finding in one.axe],
        bounds=asdict(bounds or Bounds()),
    )
    return look(job, lambda path: None)


def told(findings: Sequence[GateFinding]) -> list[str]:
    """Findings as they are compared: ``secret src/key.ts:3``."""
    return [f"{one.kind} {one.path}:{one.line or 0}" for one in findings]


def git(folder: Path, *arguments: str) -> None:
    settings = ("-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *settings, *arguments], cwd=folder, check=True, capture_output=True, timeout=30)
