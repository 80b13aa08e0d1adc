"""One component of an app, bundled by itself in the sandbox: by Vite, or by what the app's template has for it."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    from ..sandbox.base import Sandbox
    from ..templates.templates import Template
    from ..workspace import Workspace

BUILD = Path(__file__).parent / "component_build.mjs"
FOLDERS = ("src/", "components/")
SUFFIXES = (".tsx", ".jsx", ".vue")
OUR_SETTINGS = "vite.config.ts"
SECONDS = 120
LARGEST = 8 * 1024 * 1024
"""Bytes of a bundle."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """``script`` calls ``componentHost.ready``; ``files`` of the app are in it."""

    file: str
    script: str
    styles: str
    files: frozenset[str]


async def bundle(sandbox: Sandbox, workspace: Workspace, template: Template, component: str) -> Bundle:
    """Bundle ``component``: the name of one, or the path of its file.

    Raises ``InvalidInput`` for an app that neither builds, and for code that does not; ``NotFound`` with the
    nearest names for a component that is not there.
    """
    files = [file.path for file in await workspace.list()]
    if not template.bundler and OUR_SETTINGS not in files:
        raise InvalidInput(
            f"Components of the template {template.name} cannot be shown alone.",
            hint="Apps with a vite.config.ts have such components (react-vite, …), and those of nextjs and serverless.",
            reason="no_components",
        )
    file = find(files, component)
    await sandbox.prepare()
    command = ["node", "--input-type=module", "-e", BUILD.read_text(encoding="utf-8"), "--"]
    command += [template.bundler, file, name_of(component)]
    result = await sandbox.exec(command, timeout=SECONDS, max_output=LARGEST)
    try:
        told: dict[str, Any] = json.loads(result.stdout.strip().rpartition("\n")[2])
    except ValueError:
        said = result.message or result.stderr.strip()[-2000:] or f"Node ended with {result.exit_code}."
        raise Unavailable(f"{file} could not be bundled: {said}", hint="Check the app: app.check().") from None
    if error := told.get("error"):
        raise InvalidInput(f"The component does not build. {str(error)[:2000]}", hint="Check the app: app.check().")
    return Bundle(file, str(told["script"]), str(told["styles"]), frozenset(map(str, told["files"])))


def name_of(component: str) -> str:
    """``Chart`` of ``Chart``, ``src/components/chart.tsx`` and ``sales-chart``."""
    stem = PurePosixPath(component).name.partition(".")[0]
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", stem))


def find(files: Sequence[str], component: str) -> str:
    """The file of a component among an app's files. Raises ``NotFound``, ``InvalidInput`` where several fit."""
    if component in files and component.endswith(SUFFIXES):
        return component
    there = [file for file in files if file.startswith(FOLDERS) and file.endswith(SUFFIXES)]
    wanted = name_of(component)
    fitting = [file for file in there if name_of(file) == wanted]
    own = [file for file in fitting if "/ui/" not in file] or fitting  # ours, before those that came with the template
    if len(own) == 1:
        return own[0]
    if own:
        raise InvalidInput(f"{component} is the name of several files: {', '.join(own)}.", hint="Name one by its path.")
    names = sorted({name_of(file) for file in there if "/ui/" not in file} - {"Main"})
    near = difflib.get_close_matches(wanted, names, 3) or names[:12]
    hint = f"There are: {', '.join(near)}." if near else "Ask the agent for it."
    raise NotFound(f"The app has no component {component[:80]!r}.", hint=hint, reason="unknown_component")
