"""Where nothing is mounted: the paths of ``layout`` translated to this machine's own, folders to be private in, and a
way out of the sandbox by a port.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ....workspace.folder import remove_folder
from ..processes.layout import EGRESS_PORT, HOME, NODE, OURS, Bind
from . import landlock_launcher
from .base import Plan, bridged


@dataclass(frozen=True, slots=True)
class Ground:
    """The paths of one command on this machine. ``plan`` is translated, with its bridges."""

    plan: Plan
    private: Path  # holds tmp/ and home/, and whatever else the command needs for itself
    read: tuple[Path, ...]
    write: tuple[Path, ...]
    laid: tuple[tuple[Path, Path], ...]  # (where, what): to be made visible by links before the command starts
    ports: tuple[int, ...] = ()  # of the loopback, that it may connect to
    relay: asyncio.Server | None = None
    workspaces: tuple[Path, ...] = field(default=())

    async def close(self) -> None:
        if self.relay:
            self.relay.close()
        await asyncio.to_thread(self._remove)

    def _remove(self) -> None:
        remove_folder(self.private)
        for workspace in self.workspaces:
            remove_repository(workspace)


def remove_repository(workspace: Path) -> None:
    """Remove ``workspace/.git``, unless it is the empty folder that stands there: its settings and hooks would act on
    whoever runs git there."""
    path = workspace / ".git"
    with contextlib.suppress(OSError):
        if path.is_symlink() or not path.is_dir() or any(path.iterdir()):
            remove_folder(path)


async def prepare(plan: Plan, folder: Path) -> Ground:
    """``folder`` is where the private folder is made. The caller closes what it gets."""
    private = await asyncio.to_thread(_private, folder)
    relay: asyncio.Server | None = None
    ports: list[int] = []
    if plan.egress:
        relay = await _relay(plan.egress)
        ports.append(relay.sockets[0].getsockname()[1])
    empty = folder / "empty"
    binds = [bind for bind in plan.binds if not bind.target.startswith("/etc/") and bind.source != empty]
    places = {bind.target: str(bind.source) for bind in binds}
    places |= {"/tmp": str(private / "tmp"), HOME: str(private / "home")}
    workspaces = tuple(
        Path(places[bind.target.removesuffix("/.git")])
        for bind in plan.binds
        if bind.source == empty and bind.target.endswith("/.git")
    )
    # No limit on processes: the kernel would count all those of this person.
    alone = replace(plan, processes=None, egress=None)
    translated = replace(
        alone,
        argv=[translate(word, places) for word in bridged(alone)],
        environment={
            name: translate(value, places).replace(f":{EGRESS_PORT}", f":{ports[0]}" if ports else f":{EGRESS_PORT}")
            for name, value in plan.environment.items()
        },
        cwd=translate(plan.cwd, places),
        binds=binds,
    )
    return Ground(
        translated,
        private,
        tuple(bind.source for bind in binds if not bind.writable),
        (*(bind.source for bind in binds if bind.writable), private / "tmp", private / "home"),
        tuple(_laid(binds)),
        tuple(ports),
        relay,
        workspaces,
    )


def lay(ground: Ground) -> None:
    """Make visible by links what cannot be mounted."""
    for where, what, beneath in nested(ground.laid):
        landlock_launcher.lay(where, what, beneath)


def nested(laid: Sequence[tuple[Path, Path]]) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """``laid`` by its outermost places: (where, what, what lies inside it: (place in it, what))."""
    tops = [(where, what) for where, what in laid if not any(_inside(where, other) for other, _ in laid)]
    return [
        (str(where), str(what), [(str(w.relative_to(where)), str(h)) for w, h in laid if _inside(w, where)])
        for where, what in tops
    ]


def _inside(path: Path, folder: Path) -> bool:
    return path != folder and path.is_relative_to(folder)


def translate(text: str, places: dict[str, str]) -> str:
    """``text`` with each of the paths in ``places`` that stands in it as a whole word replaced."""
    names = "|".join(re.escape(name) for name in sorted(places, key=len, reverse=True))
    return re.sub(rf"(?<![\w./-])({names})(?![\w.-])", lambda found: places[found[1]], text)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _private(folder: Path) -> Path:
    private = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
    for name in ("tmp", "home"):
        (private / name).mkdir(0o700)
    return private


def _laid(binds: Sequence[Bind]) -> list[tuple[Path, Path]]:
    """What would be mounted inside another bind that can be written: (place in that bind, what belongs there)."""
    laid: list[tuple[Path, Path]] = []
    for bind in binds:
        above = [
            other for other in binds if other is not bind and bind.target.startswith(f"{other.target.rstrip('/')}/")
        ]
        roots = [other for other in above if other.writable]
        if roots and not bind.target.startswith((NODE, OURS)):
            root = min(roots, key=lambda other: len(other.target))
            laid.append((root.source / bind.target[len(root.target) + 1 :], bind.source))
    return laid


async def _relay(egress: Path) -> asyncio.Server:
    """A port of the loopback that leads to the egress proxy's unix socket, for processes of this person."""

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        out: asyncio.StreamWriter | None = None
        try:
            if not await asyncio.to_thread(_is_ours, writer.get_extra_info("peername")):
                return
            there, out = await asyncio.open_unix_connection(str(egress))
            await asyncio.gather(_copy(reader, out), _copy(there, writer))
        except OSError:
            pass
        finally:
            writer.close()
            if out:
                out.close()

    return await asyncio.start_server(join, "127.0.0.1", 0)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(64 * 1024):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


def _is_ours(peer: tuple[str, int]) -> bool:
    """True if a connection comes from a process of this person, as far as this kernel tells."""
    try:
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    except OSError:
        return True
    end = f":{peer[1]:04X}"
    owners = [int(line.split()[7]) for line in lines if line.split()[1].endswith(end)]
    return os.getuid() in owners
