"""The interface between an isolation layer and the runner."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ....errors import Unavailable
from ...base import Isolation
from ..packages.interpreter import find_interpreter
from ..processes.layout import EGRESS_PORT, EGRESS_SOCKET, OURS, Bind

BRIDGE = f"{OURS}/bridge.py"


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


async def nothing() -> None:
    """There is nothing to give back."""


def no_failure(stderr: str) -> Unavailable | None:
    return None


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a plan.

    What is started leads a process group of its own. ``signal`` ends it with all it has started: sent to the group,
    which gets it at one moment, so that nothing can be forked in between; or to the first process alone. ``failure``
    reads from the error output of a command that failed whether its isolation could not be made, and why.
    """

    line: Sequence[str]
    prelude: Sequence[str] = ()  # lines of sh that run before it, outside
    descriptors: Sequence[int] = ()  # handed over
    scratch: Sequence[Path] = ()  # folders on disk for what is temporary, where nothing can be mounted
    signal: int = signal.SIGKILL
    group: bool = True
    failure: Callable[[str], Unavailable | None] = no_failure
    close: Callable[[], Awaitable[None]] = nothing  # gives back what was taken for it; awaited after its end

    def end(self, pid: int) -> None:
        """End what was started as process ``pid``."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(-pid if self.group else pid, self.signal)


class Layer(Protocol):
    """A way of isolating that is there on this machine. ``find`` of its class makes it, or raises ``Unavailable``."""

    @property
    def kind(self) -> str: ...

    @property
    def mounts(self) -> bool:
        """True if a command sees binds where they say, and goes on seeing them when their sources are moved."""
        ...

    def describe(self) -> Isolation: ...

    def port(self, wanted: int) -> int:
        """The port for a dev server inside: ``wanted``, if each sandbox has its own network."""
        ...

    async def launch(self, plan: Plan) -> Launch: ...


def bridged(plan: Plan) -> list[str]:
    """The plan's command with its bridges and its limit, for where there is a network namespace and a pid namespace."""
    inside: list[str] = []
    # Isolated, no site packages, no byte code: what it loads is what it names.
    bridge = f"{shlex.quote(str(find_interpreter().executable))} -ISB {BRIDGE}"
    if plan.processes:  # -p is dash's word for it
        inside.append(f"ulimit -u {plan.processes} 2>/dev/null || ulimit -p {plan.processes}")
    if plan.listen:
        descriptor, port = plan.listen
        inside.append(f"{bridge} in {descriptor} {port} &")
    if plan.egress:
        inside.append(f"{bridge} out {EGRESS_SOCKET} {EGRESS_PORT} /tmp/.egress &")
        inside.append("while [ ! -e /tmp/.egress ]; do sleep 0.01; done")
    inside.append('exec "$@"')
    return ["/bin/sh", "-c", "\n".join(inside), "sh", *plan.argv]
