"""Builds our templates at E2B: an image with the tools and the packages of the template's lock file.

A new app then starts in the cloud without installing anything. One definition serves every template; what a template
wants differently it says in its ``template.toml``:

    [e2b]
    image = "node:24"           # a Debian image with Node
    apt = ["graphviz"]          # more system packages
    run = ["npm i -g turbo"]    # more commands, as root, before the packages are installed
    cpu = 2
    memory = 2048               # MiB
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...errors import AppBuilderError, InvalidInput, Unavailable
from ...templates.manifest import Manifest
from ...templates.templates import RUNTIME, Template
from ..cloud.packages import NPM, VENV, read_requirements, requirements_key
from ..local.packages.dependencies import read_manifest
from .cloud import E2B, apart

IMAGE = "node:24"
APT = ("python3", "python3-pip", "python3-venv", "git", "ca-certificates", "procps", "iproute2")
OnLine = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Machine:
    """A template's requirements for its machine."""

    image: str = IMAGE
    apt: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    cpu: int = 2
    memory: int = 2048  # MiB

    @classmethod
    def of(cls, template: Template) -> Machine:
        """Read the manifest. Raises ``InvalidInput`` naming the file and the key that is wrong."""
        manifest = Manifest(template.folder / "template.toml")
        return cls(
            image=manifest.text("e2b.image", IMAGE),
            apt=manifest.words("e2b.apt"),
            run=manifest.words("e2b.run"),
            cpu=manifest.number("e2b.cpu", 2),
            memory=manifest.number("e2b.memory", 2048),
        )


def define(sdk: Any, template: Template) -> Any:
    """The template as the SDK's builder takes it."""
    machine = Machine.of(template)
    builder = sdk.AsyncTemplate(file_context_path=template.folder, file_ignore_patterns=["**/node_modules", "**/.env*"])
    builder = builder.from_image(machine.image).apt_install([*APT, *machine.apt], no_install_recommends=True)
    for command in machine.run:
        builder = builder.run_cmd(command, user="root")
    # The home exists before the user's own steps; E2B makes the user.
    builder = builder.run_cmd("mkdir -p /workspace && chown user:user /workspace", user="root")
    if template.python:
        builder = builder.run_cmd("pip install --break-system-packages --quiet uv", user="root")
    if template.runtime:
        builder = builder.copy("runtime/", f"{RUNTIME}/", user="root")
    builder = builder.set_user("user").set_workdir("/workspace").copy("files/", "/workspace/", user="user")
    installed: dict[str, str] = {}
    manifest = read_manifest(template.files, template.lock)
    if manifest is not None and manifest.wanted:
        builder = builder.run_cmd(f"cd /workspace && npm {'ci' if manifest.lock else 'install'} {NPM}", user="user")
        installed["npm"] = manifest.key
        if template.warm:
            warm = f"VITE_CACHE_DIR=/workspace/node_modules/.vite {shlex.join(template.warm)}"
            builder = builder.run_cmd(f"cd /workspace && {warm}", user="user")
    if template.python:
        requirements = read_requirements(template.files, template.python)
        lock = shlex.quote(template.python.lock)
        sync = f"uv venv --quiet {VENV} && uv pip sync --quiet --no-build --allow-empty-requirements"
        builder = builder.run_cmd(
            f"mkdir -p ~/.appbuilder && cd /workspace && {sync} --python {VENV}/bin/python {lock}", user="user"
        )
        installed["python"] = requirements_key(requirements)
    marker = shlex.quote(json.dumps(installed))
    builder = builder.run_cmd(f"mkdir -p ~/.appbuilder && printf %s {marker} > ~/.appbuilder/packages", user="user")
    return builder.set_workdir("/home/user")


async def build(cloud: E2B, template: Template, name: str, on_line: OnLine, *, fresh: bool = False) -> str:
    """Build ``template`` at E2B as ``name``; its id there. ``fresh``: without E2B's cache of earlier builds.

    Raises ``Unavailable`` with the step that failed.
    """
    machine = Machine.of(template)

    def say(entry: Any) -> None:
        on_line(str(entry.message).rstrip())

    try:
        building = cloud.sdk.AsyncTemplate.build(
            define(cloud.sdk, template),
            name,
            cpu_count=machine.cpu,
            memory_mb=machine.memory,
            skip_cache=fresh,
            on_build_logs=say,
            **cloud.settings.options(),
        )
        info = await apart(building)
    except cloud.sdk.BuildException as error:
        raise Unavailable(
            f"E2B could not build the template {name}: {str(error)[:500].rstrip('.')}.",
            hint="Its lines above tell why. Correct the template, or [e2b] in its template.toml, and build again.",
            reason="e2b_build_failed",
        ) from None
    except AppBuilderError:
        raise
    except Exception as error:
        raise cloud.explain(error, f"The template {name} could not be built") from None
    return str(info.template_id)


def check_name(name: str) -> str:
    """A name that E2B takes. Raises ``InvalidInput``."""
    if not name or not all(letter.isalnum() or letter in "-_" for letter in name) or name != name.lower():
        raise InvalidInput(
            f"{name!r} is not a name for a template at E2B.",
            hint="Use lower-case letters, digits, '-' and '_'.",
            field="alias_prefix",
        )
    return name
