"""Python environments, made once for each lock file and mounted read-only into every sandbox that needs one.

A cache entry is ``python/<key>/`` with a virtual environment in ``venv``, which every sandbox shows at the same path.
Only wheels are installed, so nothing of a package runs: a sandbox with a way to the registries unpacks them, and the
interpreter compiles them without looking for packages. Code of theirs first runs in a session's own sandbox.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import platform
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ....errors import Unavailable
from ....templates.templates import PythonPackages
from ....workspace.folder import remove_folder
from ...base import ExecResult, OnProgress, Output, Progress
from ...requirements import Requirements, parse_requirement, with_packages
from ..processes.layout import EGRESS_PORT, OURS, PATH, WORKSPACE, Bind
from ..processes.runner import Runner, Setting
from .dependencies import Network, read_file, unchanged, write_file
from .entries import Entries
from .install_failures import InstallFailures
from .interpreter import Interpreter, find_interpreter

LAYOUT = "2"  # part of every key; changes when entries are laid out differently
VENV = "/opt/venv"
UV = f"{OURS}/uv"
DOWNLOADS = "/uv"
SECONDS = 600

# Unchecked, because nothing can change the sources any more. Packages' own tests would be half of the work. Some
# sandboxes have no semaphores to work in parallel with. A file that does not compile is the package's own affair.
COMPILE = """
import compileall, py_compile, re, sys
try:
    from multiprocessing import Lock
    Lock()
    workers = 2
except (ImportError, OSError):
    workers = 1
unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
compileall.compile_dir(sys.argv[1], quiet=2, rx=re.compile("/tests?/"), workers=workers, invalidation_mode=unchecked)
"""

FAILURES = InstallFailures(
    "Python packages",
    SECONDS,
    refused=re.compile("403 Refused|403 Forbidden"),
    offline=re.compile(
        r"dns error|Could not connect|error sending request|Connection refused|timed out|tunnel error|502 Refused"
        r"|Network is unreachable|[Nn]etwork (?:connectivity )?(?:is|was) disabled"
    ),
    reach="Connect to the network once, or set an index you can reach: pip config set global.index-url URL.",
    correct="Correct the requirements; a package must have a wheel for this machine. "
    "Delete the lock file to have it created again.",
)


@dataclass(frozen=True, slots=True)
class PythonEnvironment:
    """A made environment: what to mount for it, and its variables."""

    folder: Path
    binds: tuple[Bind, ...]

    @property
    def variables(self) -> dict[str, str]:
        """For every command of the app. Modules of the app are compiled anew: the workspace holds sources only."""
        return {
            "PATH": PATH.replace(f"{OURS}/bin", f"{OURS}/bin:{VENV}/bin", 1),
            "VIRTUAL_ENV": VENV,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
        }


def find_uv() -> Path:
    """The installer that came with this package. Raises ``Unavailable``."""
    try:
        from uv import find_uv_bin

        return Path(find_uv_bin())
    except (ImportError, FileNotFoundError):
        raise Unavailable(
            "Apps in Python need the package uv, which is not installed.",
            hint="Install it: pip install uv",
            reason="uv_missing",
        ) from None


class PythonEnvironments:
    """The cache below ``folder``. ``network`` is asked for when a package may have to be fetched."""

    def __init__(self, folder: Path, runner: Runner, network: Callable[[], Awaitable[Network]]) -> None:
        self.folder = folder
        self._entries = Entries(folder / "python", "venv")
        self._runner = runner
        self._network = network

    def over(self, network: Callable[[], Awaitable[Network]]) -> PythonEnvironments:
        """The same cache, reached by another way out."""
        other = copy.copy(self)
        other._network = network
        return other

    def has(self, app: Path, packages: PythonPackages) -> bool:
        """True if the environment of the app's lock file is there."""
        requirements = _read(app, packages)
        return requirements.fits() and self._entries.find(_key(requirements.lock, find_interpreter())) is not None

    async def prepare(
        self, app: Path, packages: PythonPackages, on_progress: OnProgress | None = None
    ) -> PythonEnvironment:
        """The environment of the app's lock file, made if need be.

        Where the lock file is missing or does not fit the requirements (someone edited them), it is written anew.
        Raises ``InvalidInput`` for files that name no packages, ``Unavailable`` with the reason and the next step.
        """
        requirements = await asyncio.to_thread(_read, app, packages)
        interpreter = find_interpreter()
        fits = requirements.fits()
        if fits and (found := self._entries.find(_key(requirements.lock, interpreter))):
            return self._environment(found, interpreter)
        async with self._entries.locked(_key(requirements.lock, interpreter), on_progress):
            if not fits:
                if on_progress:
                    on_progress(Progress("Choosing the versions of Python packages"))
                result, lock = await self._resolve(requirements)
                if lock is None:
                    raise await self._failure(result)
                requirements = replace(requirements, lock=lock)
                await asyncio.to_thread(write_file, app / packages.lock, lock.encode())
            found = self._entries.find(_key(requirements.lock, interpreter))
            if found is None:
                result = await self._make(requirements, interpreter, on_progress)
                found = self._entries.find(_key(requirements.lock, interpreter))
                if result.exit_code or found is None:
                    raise await self._failure(result)
            return self._environment(found, interpreter)

    async def install(
        self, app: Path, packages: PythonPackages, names: Sequence[str], *, on_output: Output | None = None
    ) -> ExecResult:
        """Add packages: on success the requirements, the lock file and the cache hold the result."""
        for position, name in enumerate(names):
            parse_requirement(name, f"packages.{position}")
        interpreter = find_interpreter()
        before = await asyncio.to_thread(_read, app, packages)
        held = await asyncio.to_thread(read_file, app / packages.requirements)
        text = with_packages(held, names)
        wanted = Requirements.parse(text, before.lock.encode(), packages.requirements)
        async with self._entries.locked(_key(before.lock, interpreter)):
            result, lock = await self._resolve(wanted, on_output)
            if lock is not None:
                wanted = replace(wanted, lock=lock)
                if self._entries.find(_key(lock, interpreter)) is None:
                    result = await self._make(wanted, interpreter, None, on_output)
        if lock is None or result.exit_code:
            if FAILURES.lacks_network(result):
                raise await self._failure(result)
            return result
        await asyncio.to_thread(unchanged, app / packages.requirements, held)
        await asyncio.to_thread(write_file, app / packages.lock, lock.encode())
        await asyncio.to_thread(write_file, app / packages.requirements, text)
        told = "".join(f"+ {change}\n" for change in wanted.changes(before)) or "Everything was there already.\n"
        if on_output:
            on_output("stdout", told)
        return replace(result, stdout=told, stderr="")

    def _environment(self, venv: Path, interpreter: Interpreter) -> PythonEnvironment:
        return PythonEnvironment(venv, (*interpreter.binds(self._runner.folder / "empty"), Bind(venv, VENV)))

    async def _resolve(
        self, requirements: Requirements, on_output: Output | None = None
    ) -> tuple[ExecResult, str | None]:
        """A lock file for all machines, with the versions of the present one where they still fit."""
        work = self._entries.begin("lock")
        try:
            (work / "wanted.txt").write_text("".join(f"{wanted}\n" for wanted in requirements.wanted))
            (work / "lock.txt").write_text(requirements.lock)
            options = ["--universal", "--fork-strategy", "fewest", "--python-version", "3.11", "--no-strip-extras"]
            options += ["--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--quiet"]
            script = f'{UV} pip compile wanted.txt -o lock.txt --no-build --python "$PYTHON" {" ".join(options)}'
            result = await self._run(work, script, (), on_output)
            return result, None if result.exit_code else (work / "lock.txt").read_text()
        finally:
            await asyncio.to_thread(remove_folder, work)

    async def _make(
        self,
        requirements: Requirements,
        interpreter: Interpreter,
        on_progress: OnProgress | None,
        on_output: Output | None = None,
    ) -> ExecResult:
        """Make the entry of the lock file, in a folder of its own that then becomes the entry."""
        key = _key(requirements.lock, interpreter)
        pins = {name: next(iter(pin.specifier)).version for name, pin in requirements.pins().items()}
        work = self._entries.begin(key)
        counting = on_progress and asyncio.create_task(_count(self.folder / "uv", pins, on_progress))
        try:
            (work / "venv").mkdir()
            (work / "lock.txt").write_text(requirements.lock)
            # Compiled by the bare interpreter (-I -S): in the environment, a package's .pth file would be run.
            script = (
                f'{UV} venv --quiet --relocatable --no-project --allow-existing --python "$PYTHON" {VENV} && '
                f"{UV} pip sync --quiet --no-build --allow-empty-requirements --python {VENV}/bin/python lock.txt && "
                f'"$PYTHON" -ISc "$COMPILE" {VENV}/{interpreter.packages}'
            )
            result = await self._run(work, script, (Bind(work / "venv", VENV, writable=True),), on_output)
            if result.exit_code == 0:
                await asyncio.to_thread(self._entries.keep, work, key)
            return result
        finally:
            if counting:
                counting.cancel()
            await asyncio.to_thread(remove_folder, work)

    async def _run(self, work: Path, script: str, binds: Sequence[Bind], on_output: Output | None) -> ExecResult:
        """Run uv in ``work``; without the network, if there is none, from what it has fetched before."""
        network = await self._network()
        interpreter = find_interpreter()
        downloads = self.folder / "uv"
        downloads.mkdir(parents=True, exist_ok=True)
        environment = dict(network.environment) | {
            "PYTHON": str(interpreter.executable),
            "COMPILE": COMPILE,
            "UV_CACHE_DIR": DOWNLOADS,
            "UV_NO_CONFIG": "1",
            "UV_LINK_MODE": "copy",
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_HTTP_RETRIES": "1",
            "HTTPS_PROXY": f"http://127.0.0.1:{EGRESS_PORT}",
            "HTTP_PROXY": f"http://127.0.0.1:{EGRESS_PORT}",
        }
        mounts = [
            *interpreter.binds(self._runner.folder / "empty"),
            Bind(find_uv(), UV),
            Bind(work, WORKSPACE, writable=True),
            Bind(downloads, DOWNLOADS, writable=True),
            *network.binds,
            *binds,
        ]
        cell = self._runner.install_cell(work)

        async def run(**more: str) -> ExecResult:
            return await self._runner.run(
                cell,
                ["/bin/sh", "-c", script],
                Setting(mounts, environment | more, egress=network.socket, on_output=on_output),
                timeout=SECONDS,
            )

        try:
            result = await run()
            if result.exit_code and FAILURES.is_offline(result):
                again = await run(UV_OFFLINE="1")
                return result if again.exit_code else again
            return result
        finally:
            await self._runner.leave(cell)

    async def _failure(self, result: ExecResult) -> Unavailable:
        return FAILURES.explain(result, _reason(result), (await self._network()).refused())


def _read(app: Path, packages: PythonPackages) -> Requirements:
    text, lock = read_file(app / packages.requirements), read_file(app / packages.lock)
    return Requirements.parse(text, lock, packages.requirements)


def _key(lock: str, interpreter: Interpreter) -> str:
    python = (interpreter.version, str(interpreter.executable))
    parts = (LAYOUT, platform.machine(), *python, hashlib.sha256(lock.encode()).hexdigest())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _reason(result: ExecResult) -> str:
    """uv's own words, on one line: the cause stands below the error, after arrows."""
    lines = [re.sub(r"^\s*(error:|[×╰├│─▶→>]+|Caused by:|hint:)*\s*", "", line) for line in result.stderr.splitlines()]
    told = " ".join(" ".join(line for line in lines if line).split())
    return (told or f"uv ended with {result.exit_code}")[:400].rstrip(".")


async def _count(downloads: Path, pins: dict[str, str], on_progress: OnProgress) -> None:
    """Report how many packages have been fetched: uv puts them all in place within a second at the end."""
    left, total = dict(pins), len(pins)
    while True:
        left = await asyncio.to_thread(_missing, downloads, left)
        done = total - len(left)
        if left:
            named = f" ({next(iter(left))})" if len(left) < total else ""
            on_progress(Progress(f"Installing Python packages: {done} of {total}{named}", 0.8 * done / total))
        else:
            on_progress(Progress("Preparing Python packages", 0.9))
            return
        await asyncio.sleep(0.2)


def _missing(downloads: Path, pins: dict[str, str]) -> dict[str, str]:
    """Those of ``pins`` that uv has no unpacked wheel of."""

    def fetched(name: str, version: str) -> bool:
        patterns = (f"wheels-v*/*/{name}/{version}-*", f"wheels-v*/*/*/{name}/{version}-*")
        return any(path.is_dir() for pattern in patterns for path in downloads.glob(pattern))

    return {name: version for name, version in pins.items() if not fetched(name, version)}
