"""``doctor``: checks what is installed, what is missing, and how to install it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..builder import AppBuilder
from ..errors import AppBuilderError, Unavailable
from ..session.places import can_make
from ..settings import configuration
from ..tools.registry import find_tools
from .terminal import Terminal, say

if TYPE_CHECKING:
    from ..models.profile import Choice

BROWSERS = ("google-chrome", "chromium", "chromium-browser", "firefox", "microsoft-edge", "safari")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. ``needed`` is False for what only makes things better."""

    name: str
    ok: bool
    detail: str
    hint: str = ""
    needed: bool = True


def doctor(options: argparse.Namespace, terminal: Terminal) -> int:
    """Say what works here and what is missing. Exit code 1 when that is needed, or a tested model cannot be used."""
    root = Path(options.root).expanduser() if options.root else Path.cwd()
    if options.model is not None:
        return asyncio.run(_test_model(root, options.model, terminal, as_json=options.json))
    if options.install_browser:
        return asyncio.run(_install_browser(root, terminal, as_json=options.json))
    findings = asyncio.run(check_host(root))
    healthy = all(finding.ok or not finding.needed for finding in findings)
    if options.json:
        print(json.dumps({"ok": healthy, "checks": [asdict(finding) for finding in findings]}))
        return 0 if healthy else 1
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = "✓" if finding.ok else "✗" if finding.needed else "–"
        say(f"{mark} {finding.name:<{width}}  {finding.detail}")
        if finding.hint and not finding.ok:
            say(f"  {'':<{width}}  {finding.hint}")
    say("\nReady to build." if healthy else "\nSomething that is needed is missing: see the lines with ✗.")
    return 0 if healthy else 1


async def _test_model(root: Path, model: str, terminal: Terminal, *, as_json: bool) -> int:
    from ..models.model_probe import TOKENS, probe_model

    builder = AppBuilder(root_dir=str(root), label="jupyter appbuilder doctor", config=configuration())
    try:
        model = model or await _default(builder)
        terminal.note(f"Testing {model}. This uses about {TOKENS:,} of its tokens.")
        profile = cast("Choice", builder.profile)
        found = await probe_model(
            builder.catalog, model, profile=profile, told=lambda what: terminal.status(f"{what} …")
        )
    finally:
        await builder.close()
    if as_json:
        print(json.dumps(found.to_json()))
        return 0 if found.usable else 1
    terminal.status("")
    width = max(len(check.title) for check in found.checks)
    for check in found.checks:
        mark = {"yes": "✓", "no": "✗", "unknown": "–"}[check.outcome]
        say(f"{mark} {check.title:<{width}}  {check.detail}")
        if check.hint and check.outcome != "yes":
            say(f"  {'':<{width}}  {check.hint}")
    say(f"\n{found.verdict}")
    return 0 if found.usable else 1


async def check_host(root: Path) -> list[Finding]:
    builder = AppBuilder(root_dir=str(root), label="jupyter appbuilder doctor", config=configuration())
    try:
        return [
            Finding("Python", sys.version_info >= (3, 11), sys.version.split()[0], "App Builder needs 3.11 or later."),
            await _git(),
            *await _sandbox(builder),
            *await _cloud(builder),
            _templates(builder),
            _tools(),
            _folder("Apps", root / "appbuilder"),
            _folder("Data", Path(builder.data_dir)),
            *await _log(builder),
            *await _database(builder),
            *await _models(builder),
            await _eyes(builder),
            _browser(),
        ]
    finally:
        await builder.close()


async def _git() -> Finding:
    path = shutil.which("git")
    if path is None:
        return Finding("Git", False, "not installed", "Checkpoints need it. Debian: apt install git; macOS: git.")
    process = await asyncio.create_subprocess_exec(path, "--version", stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return Finding("Git", process.returncode == 0, output.decode().strip())


async def _sandbox(builder: AppBuilder) -> list[Finding]:
    try:
        with contextlib.suppress(Unavailable):  # its own check tells why it cannot be used
            await builder.sandboxes.choose()
        checks = await builder.sandboxes.provider().check()
    except AppBuilderError as error:
        return [Finding("Sandbox", False, error.message, error.hint)]
    return [Finding(f"Sandbox: {check.name}", check.ok, check.detail, check.hint) for check in checks]


async def _cloud(builder: AppBuilder) -> list[Finding]:
    """Check E2B, for whoever may want it: nothing needs it unless it is chosen, and then it is told already."""
    try:
        if builder.sandboxes.provider().name == "e2b":
            return []
        checks = await builder.sandboxes.provider("e2b").check()
    except AppBuilderError as error:
        return [Finding("Cloud: E2B", False, error.message, error.hint, needed=False)]
    return [Finding(f"Cloud: {check.name}", check.ok, check.detail, check.hint, needed=False) for check in checks]


def _tools() -> Finding:
    tools, refused = find_tools()
    if refused:
        hint = "Update or uninstall that package; everything else works without it."
        return Finding("Tools", False, " ".join(refused), hint, needed=False)
    return Finding("Tools", True, f"{len(tools)}, those of other packages included")


def _templates(builder: AppBuilder) -> Finding:
    try:
        names = sorted(builder.library.all())
    except AppBuilderError as error:
        return Finding("Templates", False, error.message, error.hint)
    hint = "Install the package again; its wheel holds them."
    return Finding("Templates", bool(names), ", ".join(names) or "none found", hint)


def _folder(name: str, folder: Path) -> Finding:
    """Check that files can be made there (the folder itself may not exist yet)."""
    hint = f"{folder} cannot be written to: change its permissions, or choose another."
    return Finding(name, can_make(folder), str(folder), hint)


async def _log(builder: AppBuilder) -> list[Finding]:
    """Check that events can be stored, and how: tried, since disks promise more than they do."""
    log = builder.log_store
    try:
        await log.open()
    except AppBuilderError as error:
        return [Finding("Event log", False, error.message, error.hint)]
    found = [Finding("Event log", True, log.place)]
    if log.warnings:
        hint = "Make it private (chmod 700), or name another folder with c.AppBuilder.data_dir: keys are stored there."
        found.append(Finding("Privacy", False, " ".join(log.warnings), hint, needed=False))
    return found


async def _database(builder: AppBuilder) -> list[Finding]:
    """Check the PostgreSQL server, where one is configured."""
    if builder.postgres is None:
        return []
    from ..databases.copies import dumped_version

    try:
        version = await builder.postgres.check()
    except AppBuilderError as error:
        return [Finding("Database", False, error.message, error.hint)]
    found = [Finding("Database", True, version)]
    newest, server = await dumped_version(), int(version.split()[-1].partition(".")[0])
    if newest < server:
        why = f"pg_dump of PostgreSQL {newest}" if newest else "no pg_dump"
        hint = f"Install postgresql-client-{server}: versions of apps have no copy of their rows without it."
        found.append(Finding("Database copies", False, f"There is {why} here.", hint, needed=False))
    return found


async def _models(builder: AppBuilder) -> list[Finding]:
    from ..events import DEMO

    models = await builder.catalog.list_models()
    usable = [model for model in models if model.configured and not model.recorded]
    chosen = await _default(builder)
    if usable:
        names = ", ".join(model.id for model in usable[:4]) + (" …" if len(usable) > 4 else "")
        if chosen == DEMO:
            hint = "Name one with --model, or set c.AppBuilder.model."
            return [Finding("Model", False, f"none chosen of {len(usable)}: {names}", hint, needed=False)]
        return [Finding("Model", True, f"{chosen} (of {len(usable)}: {names})")]
    hint = (
        "Only the recorded demo can answer. Set one up in JupyterLab (App Builder, Model settings), set OPENAI_API_KEY "
        "(and OPENAI_BASE_URL for another endpoint), start Ollama or LM Studio, or set c.AppBuilder.model."
    )
    return [Finding("Model", False, f"none set up; using {chosen}", hint, needed=False)]


async def _default(builder: AppBuilder) -> str:
    import inspect

    found = builder.catalog.default()
    return await found if inspect.isawaitable(found) else found


async def _eyes(builder: AppBuilder) -> Finding:
    """Check that the agent can look at apps: tried, since browsers want more than their own files."""
    from ..eyes.chromium import try_browser

    try:
        return Finding("Eyes", True, await try_browser(builder.browsers_that_look))
    except AppBuilderError as error:
        hint = error.hint or "Without it the agent cannot look at what it built, and says so."
        return Finding("Eyes", False, error.message, hint, needed=False)


async def _install_browser(root: Path, terminal: Terminal, *, as_json: bool) -> int:
    from ..eyes.chromium import try_browser
    from ..eyes.install import install_browser

    builder = AppBuilder(root_dir=str(root), label="jupyter appbuilder doctor", config=configuration())
    try:
        path = await install_browser(builder.data, lambda what: terminal.note(f"{what} …"))
        found = await try_browser(builder.browsers_that_look)
    finally:
        await builder.close()
    if as_json:
        print(json.dumps({"installed": str(path), "uses": found}))
    else:
        say(f"Installed {path}.\nApps are looked at with {found}.")
    return 0


def _browser() -> Finding:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), "")
    hint = "Previews open in any browser, also on another machine; nothing needs one here."
    return Finding("Your browser", bool(found), found or "none found on PATH", hint, needed=False)
