"""Packages, installed once for each lock file and mounted read-only into every sandbox that needs them.

A cache entry is ``deps/<key>/`` with ``node_modules`` in it; the key is a hash of what decides its content. Entries are
made in a sandbox that holds nothing but the manifest and the lock file, where no package's script runs, and appear by
renaming: they are complete or not there.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import json
import os
import platform
import re
import secrets
import stat
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ....errors import Conflict, InvalidInput, Unavailable
from ....workspace.folder import remove_folder
from ...base import ExecResult, OnProgress, Output, Progress
from ..processes.layout import EGRESS_PORT, NPM, WORKSPACE, Bind
from ..processes.runner import Runner, Setting
from .entries import Entries
from .install_failures import InstallFailures

LAYOUT = "1"  # part of every key; changes when entries are laid out differently
WRITABLE = (".vite", ".vite-temp", ".cache", ".tmp")  # where tools write below node_modules; each session has its own
MANIFEST_LIMIT = 32 * 1024 * 1024
SECONDS = 600
FAILURES = InstallFailures(
    "packages",
    SECONDS,
    refused=re.compile("403 Refused"),
    offline=re.compile(
        "ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENOTCACHED|ERR_SOCKET_TIMEOUT|502 Refused"
    ),
    reach="Connect to the network once, or set a registry you can reach: npm config set registry URL.",
    correct="Correct package.json, or delete its lock file to have it created again.",
    denied=re.compile(r"\bE40[13]\b"),
    token="Check the token of that registry in ~/.npmrc (npm whoami tells), then restart the server.",  # noqa: S106
)
NAME = r"(@[\w.~-]+/)?[\w~][\w.~-]*"
PACKAGE = re.compile(rf"{NAME}(@(npm:{NAME}@?)?[\w.^~<>=|* +-]*)?", re.ASCII)  # no address, path or repository

# Only what npm itself would read into the tree: editing a script in package.json must not cost an installation.
DECISIVE = (
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
    "bundleDependencies",
    "overrides",
    "workspaces",
)


@dataclass(frozen=True, slots=True)
class Network:
    """The way out for npm: the egress proxy's socket, and what must be mounted and set for it."""

    socket: Path
    binds: tuple[Bind, ...]
    environment: Mapping[str, str]
    registry: Callable[[str], str]  # the registry's URL for a package's name
    refused: Callable[[], Sequence[str]]  # hosts that were asked for lately and are not allowed


@dataclass(frozen=True, slots=True)
class Manifest:
    """``package.json`` and its lock file, as bytes. ``lock`` is None where there is none yet."""

    package: bytes
    lock: bytes | None

    @property
    def key(self) -> str:
        content = _parsed(self.package, "package.json")
        decisive = json.dumps({name: content.get(name) for name in DECISIVE}, sort_keys=True)
        parts = (LAYOUT, platform.machine(), decisive, hashlib.sha256(self.lock or b"").hexdigest())
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]

    @property
    def wanted(self) -> bool:
        """True if it names any package at all."""
        content = _parsed(self.package, "package.json")
        return any(content.get(name) for name in DECISIVE)

    def located(self, registry: Callable[[str], str]) -> Manifest:
        """The same, with the usual address of each package that the lock file gives none for.

        npm then takes a package it has by its checksum alone, without a network, and fetches the others without asking
        for their metadata first.
        """
        if self.lock is None:
            return self
        content = _parsed(self.lock, "the lock file")
        packages = _packages(content)
        for folder, entry in packages.items():
            name = entry.get("name") or folder.rpartition("node_modules/")[2]
            if folder and "integrity" in entry and "resolved" not in entry and "version" in entry:
                file = f"{name.rpartition('/')[2]}-{entry['version'].partition('+')[0]}.tgz"
                entry["resolved"] = f"{registry(name).rstrip('/')}/{name}/-/{file}"
        return Manifest(self.package, json.dumps(content).encode())

    def folders(self) -> list[str]:
        """``node_modules/…`` folders that an installation on this machine will make."""
        machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
        packages = _packages(_parsed(self.lock or b"{}", "the lock file"))
        return [
            folder
            for folder, entry in packages.items()
            if folder
            and not entry.get("link")
            and ("os" not in entry or "linux" in entry["os"])
            and ("cpu" not in entry or machine in entry["cpu"])
            and ("libc" not in entry or "glibc" in entry["libc"])
        ]


NONE = Manifest(b'{"private": true}\n', None)
"""What packages are added to where an app has no ``package.json``."""


def read_manifest(app: Path, lock: str) -> Manifest | None:
    """The workspace's manifest; None where it has no ``package.json``. Links are not followed: they may lead out."""
    package = read_file(app / "package.json")
    return None if package is None else Manifest(package, read_file(app / lock))


class Dependencies:
    """The cache. ``network`` is asked for when a package may have to be fetched."""

    def __init__(self, folder: Path, runner: Runner, network: Callable[[], Awaitable[Network]]) -> None:
        self.folder = folder
        self._entries = Entries(folder / "deps", "node_modules")
        self._runner = runner
        self._network = network

    def over(self, network: Callable[[], Awaitable[Network]]) -> Dependencies:
        """The same cache, reached by another way out."""
        other = copy.copy(self)
        other._network = network
        return other

    def find(self, manifest: Manifest) -> Path | None:
        """The ``node_modules`` of ``manifest``, if it is there."""
        return self._entries.find(manifest.key)

    def has(self, app: Path, lock: str) -> bool:
        """True if the workspace's packages are there, or it needs none."""
        manifest = read_manifest(app, lock)
        return manifest is None or not manifest.wanted or self.find(manifest) is not None

    async def prepare(self, app: Path, lock: str, on_progress: OnProgress | None = None) -> Path | None:
        """Make sure the workspace's packages are there; the folder to mount. None where it needs none.

        Where the lock file is missing or does not fit ``package.json`` (someone edited it), it is written anew.
        Raises ``Unavailable`` with npm's reason and the next step.
        """
        manifest = read_manifest(app, lock)
        if manifest is None or not manifest.wanted:
            return None
        if found := self.find(manifest):
            return found
        async with self._entries.locked(manifest.key, on_progress, Unpacked(manifest.folders()).look):
            if found := self.find(manifest):  # another session or process made it meanwhile
                return found
            result, made = await self._make_exactly(manifest, lock, on_progress)
            if made is None and (not manifest.lock or "EUSAGE" in result.stderr or "ERESOLVE" in result.stderr):
                result, made = await self._make(manifest, lock, ["install"], on_progress)
            if made is None:
                raise await self._failure(result)
            if made.lock != manifest.lock and made.lock is not None:
                write_file(app / lock, made.lock)
            found = self.find(made)
            assert found
            return found

    async def install(
        self, app: Path, lock: str, packages: Sequence[str], *, dev: bool = False, on_output: Output | None = None
    ) -> ExecResult:
        """``npm install PACKAGES``; on success the manifest, the lock file and the cache hold the result."""
        for package in packages:
            if not PACKAGE.fullmatch(package):
                raise InvalidInput(
                    f"{package!r} is not the name of a package.",
                    hint="Write name, name@version or @scope/name.",
                    field="packages",
                )
        manifest = read_manifest(app, lock) or NONE
        async with self._entries.locked(manifest.key):
            arguments = ["install", "--save-dev" if dev else "--save", *packages]
            base = self.find(manifest) if manifest.wanted else None
            result, made = await self._make(manifest, lock, arguments, None, base=base, on_output=on_output)
        if made is None:
            if FAILURES.lacks_network(result):
                raise await self._failure(result)
            return result
        unchanged(app / "package.json", None if manifest is NONE else manifest.package)
        if made.lock is not None:
            write_file(app / lock, made.lock)
        write_file(app / "package.json", made.package)
        return result

    async def _make_exactly(
        self, manifest: Manifest, lock: str, on_progress: OnProgress | None
    ) -> tuple[ExecResult, Manifest | None]:
        if not manifest.lock:
            return ExecResult(1, "", "", 0), None
        network = await self._network()
        located = manifest.located(network.registry)
        result, made = await self._make(located, lock, ["ci"], on_progress, key=manifest.key)
        if made is None and located != manifest and "E404" in result.stderr:  # a mirror with addresses of its own
            result, made = await self._make(manifest, lock, ["ci"], on_progress)
        return result, made and manifest

    async def _make(
        self,
        manifest: Manifest,
        lock: str,
        arguments: Sequence[str],
        on_progress: OnProgress | None,
        *,
        key: str | None = None,
        base: Path | None = None,
        on_output: Output | None = None,
    ) -> tuple[ExecResult, Manifest | None]:
        """Run npm in a folder of its own; on success the folder becomes a cache entry.

        Starting from ``base`` copies it: with hard links npm could write into files that other entries share.
        """
        network = await self._network()
        (self.folder / "npm").mkdir(parents=True, exist_ok=True)
        work = self._entries.begin(key or manifest.key)
        counting = on_progress and asyncio.create_task(_count(work, Unpacked(manifest.folders()), on_progress))
        cell = self._runner.install_cell(work)
        try:
            write_file(work / "package.json", manifest.package)
            if manifest.lock is not None:
                write_file(work / lock, manifest.lock)
            binds = [Bind(work, WORKSPACE, writable=True), Bind(self.folder / "npm", "/npm", writable=True)]
            npm = [*NPM, *arguments, "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund"]
            script = 'exec "$@"'
            if base:
                binds.append(Bind(base, "/base"))
                script = f"cp -a --reflink=auto /base {WORKSPACE}/node_modules && {script}"
            environment = dict(network.environment) | {
                "npm_config_cache": "/npm",
                "npm_config_offline": "false",
                "npm_config_omit_lockfile_registry_resolved": "true",  # lock files work with any mirror
                "npm_config_fetch_retries": "2",
                "npm_config_fetch_retry_factor": "2",
                "npm_config_fetch_retry_mintimeout": "500",
                "npm_config_fetch_retry_maxtimeout": "3000",
                "npm_config_progress": "false",
                "npm_config_https_proxy": f"http://127.0.0.1:{EGRESS_PORT}",
                "npm_config_proxy": f"http://127.0.0.1:{EGRESS_PORT}",
            }
            result = await self._runner.run(
                cell,
                ["/bin/sh", "-c", script, "sh", *npm],
                Setting([*binds, *network.binds], environment, egress=network.socket, on_output=on_output),
                timeout=SECONDS,
            )
            if result.exit_code:
                return result, None
            made = read_manifest(work, lock)
            if made is None:
                return result, None
            await asyncio.to_thread(self._keep, work, key or made.key)
            return result, made
        finally:
            if counting:
                counting.cancel()
            await self._runner.leave(cell)
            await asyncio.to_thread(remove_folder, work)

    def _keep(self, work: Path, key: str) -> None:
        modules = work / "node_modules"
        modules.mkdir(exist_ok=True)
        for name in WRITABLE:
            remove_folder(modules / name)
            (modules / name).mkdir()
        self._entries.keep(work, key)

    async def _failure(self, result: ExecResult) -> Unavailable:
        return FAILURES.explain(result, _reason(result), (await self._network()).refused())


def _reason(result: ExecResult) -> str:
    lines = [line.removeprefix("npm error ").strip() for line in result.stderr.splitlines() if "npm error" in line]
    told = [line for line in lines if line and not line.startswith(("code ", "A complete log", "errno", "syscall"))]
    return (told or [result.stderr.strip() or f"npm ended with {result.exit_code}"])[0][:300].rstrip(".")


ALL_UNPACKED = 0.97  # of the way: what npm does after that takes a moment, too
TELLING_SECONDS, TELLING_PART = 4.0, 0.1  # from then on, the pace of unpacking says how long the rest takes


class Unpacked:
    """Counts which of ``folders`` are unpacked. npm makes the folders first and fills them later."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._total = len(folders)
        self._left = list(folders)
        self._last = ""  # the package that was unpacked last
        self._began = time.monotonic()

    def look(self, work: Path) -> Progress:
        left = [folder for folder in self._left if not (work / folder / "package.json").exists()]
        if fresh := set(self._left).difference(left):
            self._last = f" ({max(fresh).rpartition('node_modules/')[2]})"
        self._left = left
        if not self._total:
            return Progress("Installing packages")
        if not left:
            return Progress(f"Installing packages: all {self._total} are unpacked, finishing", ALL_UNPACKED)
        done = self._total - len(left)
        said = f"Installing packages: {done} of {self._total}{self._last}{self._remaining(done)}"
        return Progress(said, ALL_UNPACKED * done / self._total)

    def _remaining(self, done: int) -> str:
        """How long the rest may take at the pace so far; nothing while that tells little."""
        took = time.monotonic() - self._began
        if took < TELLING_SECONDS or done < self._total * TELLING_PART:
            return ""
        seconds = took * (self._total - done) / done
        if seconds > 90:
            return f", about {round(seconds / 60)} minutes left"
        return f", about {max(5, 5 * round(seconds / 5))} seconds left"


async def _count(work: Path, unpacked: Unpacked, on_progress: OnProgress) -> None:
    while True:
        on_progress(await asyncio.to_thread(unpacked.look, work))
        await asyncio.sleep(0.2)


LISTS, TEXTS = ("os", "cpu", "libc"), ("name", "version", "resolved", "integrity")


def _packages(lock: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What a lock file says of each folder. Raises ``InvalidInput`` for one that npm did not write."""
    packages: Any = lock.get("packages") or {}
    sound = isinstance(packages, dict) and all(
        isinstance(entry, dict)
        and all(isinstance(entry.get(key, ""), str) for key in TEXTS)
        and all(isinstance(entry.get(key, []), list) for key in LISTS)
        for entry in cast("dict[str, Any]", packages).values()
    )
    if not sound:
        raise InvalidInput(
            "The lock file is none that npm wrote: its 'packages' do not say what npm says of packages.",
            hint="Delete the lock file to have it created again.",
            field="lock",
        )
    return cast("dict[str, dict[str, Any]]", packages)


def _parsed(content: bytes, name: str) -> dict[str, Any]:
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{name} is not valid JSON: {error}.", hint="Correct the file.", field=name) from None
    if not isinstance(parsed, dict):
        raise InvalidInput(f"{name} must hold a JSON object.", hint="Correct the file.", field=name)
    return parsed  # pyright: ignore[reportUnknownVariableType]


def read_file(path: Path) -> bytes | None:
    """An ordinary file of the workspace, None where there is none. Links are not followed: they may lead out."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError:
        raise InvalidInput(f"{path.name} is not an ordinary file.", hint="Replace the link with the file.") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InvalidInput(f"{path.name} is not an ordinary file.", hint="Replace it.")
    with open(descriptor, "rb") as file:
        content = file.read(MANIFEST_LIMIT + 1)
    if len(content) > MANIFEST_LIMIT:
        raise InvalidInput(f"{path.name} is larger than {MANIFEST_LIMIT} bytes.", hint="Make it smaller.")
    return content


def unchanged(path: Path, before: bytes | None) -> None:
    """Raise ``Conflict`` unless a file holds what was read before packages were installed, which takes a while."""
    if read_file(path) != before:
        raise Conflict(
            f"{path.name} was changed while packages were installed, so it was left as it is.",
            hint="Install them again: what was fetched is kept.",
            reason="file_changed",
        )


def write_file(path: Path, content: bytes) -> None:
    """Write a file of the workspace, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
