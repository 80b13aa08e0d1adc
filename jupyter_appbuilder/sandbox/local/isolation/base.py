"""What a way of isolating offers to the runner."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ....errors import Unavailable
from ...base import Isolation
from ..layout import EGRESS_PORT, EGRESS_SOCKET, NPM, OURS, Bind

BRIDGE = f"{OURS}/bridge.mjs"


@dataclass(frozen=True, slots=True)
class Plan:
    """A command to be started in a sandbox. Paths are those of ``layout``.

    ``listen`` is the descriptor of a listening unix socket, to be handed over, and the port inside that its connections
    go to. ``egress`` is the egress proxy's socket: without it there is no network at all.
    """

    argv: Sequence[str]
    binds: Sequence[Bind]
    environment: Mapping[str, str]
    cwd: str
    scratch: int  # bytes, each of the folders that live in memory
    processes: int | None = None  # a limit for the sandbox to set itself; None where a control group holds it
    listen: tuple[int, int] | None = None
    egress: Path | None = None


def end_group(pid: int) -> None:
    """Kill the process group ``pid``: all of it at one moment, so that nothing can be forked in between."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


async def nothing() -> None:
    """There is nothing to give back."""


def no_failure(stderr: str) -> Unavailable | None:
    return None


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a plan.

    ``end`` kills it, given the id of what was started, which leads a process group of its own. ``failure`` reads from
    the error output of a command that failed whether its isolation could not be made, and why.
    """

    line: Sequence[str]
    prelude: Sequence[str] = ()  # lines of sh that run before it, outside
    descriptors: Sequence[int] = ()  # handed over
    end: Callable[[int], None] = end_group
    failure: Callable[[str], Unavailable | None] = no_failure
    close: Callable[[], Awaitable[None]] = nothing  # gives back what was taken for it; awaited after its end


class Layer(Protocol):
    """A way of isolating that is there on this machine. ``find`` of its class makes it, or raises ``Unavailable``."""

    @property
    def kind(self) -> str: ...

    def describe(self) -> Isolation: ...

    def port(self, wanted: int) -> int:
        """Where a dev server inside shall listen: ``wanted``, if each sandbox has a network of its own."""
        ...

    async def launch(self, plan: Plan) -> Launch: ...


def bridged(plan: Plan) -> list[str]:
    """The plan's command with its bridges and its limit, for where there is a network namespace and a pid namespace."""
    inside: list[str] = []
    if plan.processes:  # -p is dash's word for it
        inside.append(f"ulimit -u {plan.processes} 2>/dev/null || ulimit -p {plan.processes}")
    if plan.listen:
        descriptor, port = plan.listen
        inside.append(f"{NPM[0]} {BRIDGE} in {descriptor} {port} &")
    if plan.egress:
        inside.append(f"{NPM[0]} {BRIDGE} out {EGRESS_SOCKET} {EGRESS_PORT} /tmp/.egress &")
        inside.append("while [ ! -e /tmp/.egress ]; do sleep 0.01; done")
    inside.append('exec "$@"')
    return ["/bin/sh", "-c", "\n".join(inside), "sh", *plan.argv]
