"""Bundles of the templates' apps, built in a real sandbox, as publishing makes them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from jupyter_appbuilder.publishing.base import APP, MANIFEST, SITE
from jupyter_appbuilder.sandbox.local.provider import LocalSandbox
from jupyter_appbuilder.templates.templates import Template, find_template


def manifest_of(template: Template, **change: Any) -> dict[str, Any]:
    publish = template.publish
    assert publish
    return {
        "format": 1,
        "kind": publish.kind,
        "session": "",
        "name": "tried",
        "title": "An app that is tried",
        "template": template.name,
        "checkpoint": "0" * 40,
        "tree": "0" * 40,
        "built_at": "2026-11-30T12:00:00Z",
        "data_as_of": None,
        "promised": None,
        "serve": list(publish.serve),
        "ready": publish.ready,
        "strip": publish.strip,
        "environment": dict(publish.environment),
        "data": list(template.data),
        "secrets": [],
        "hosts": [],
    } | change


async def bundled(
    provider: LocalSandbox, name: str, folder: Path, files: dict[str, str] | None = None, **change: Any
) -> Path:
    """A bundle in ``folder`` of the template's app, with ``files`` of its own."""
    template = find_template(name)
    publish = template.publish
    assert publish
    work = folder.with_name(f"{folder.name}-work")
    shutil.copytree(template.files, work)
    for path, text in (files or {}).items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(text)
    folder.mkdir(parents=True)
    taken = folder / (SITE if publish.kind == "static" else APP)
    if publish.kind == "server" or not publish.output:
        shutil.copytree(work, taken, symlinks=True)
    if publish.build and not publish.fixed:
        command, environment = template.building("/")
        sandbox = await provider.create(f"build-{folder.name}", work, template)
        try:
            built = await sandbox.exec(list(command), env=environment, timeout=300)
            assert built.exit_code == 0, built.stdout + built.stderr
        finally:
            await sandbox.stop()
        for output in publish.output:
            shutil.copytree(work / output, taken if publish.kind == "static" else taken / output)
    (folder / MANIFEST).write_text(json.dumps(manifest_of(template, **change)))
    shutil.rmtree(work)
    return folder


def published_anew(bundle: Path, at: str, files: dict[str, str] | None = None, **change: Any) -> None:
    """Put another release in the place of the one in ``bundle``, with ``files`` of its own."""
    for path, text in (files or {}).items():
        (bundle / APP / path).parent.mkdir(parents=True, exist_ok=True)
        (bundle / APP / path).write_text(text)
    manifest = json.loads((bundle / MANIFEST).read_text()) | {"built_at": at} | change
    (bundle / MANIFEST).write_text(json.dumps(manifest))
