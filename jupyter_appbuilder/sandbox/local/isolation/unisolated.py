"""No isolation, only by name: for machines that something outside already isolates."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

from ...base import Isolation
from .base import Launch, Plan
from .shared import free_port, lay, prepare

WARNING = (
    "Generated code is not isolated: it can do on this machine whatever you can. "
    "An administrator chose this with c.LocalSandbox.isolation = 'none'."
)


@dataclass(frozen=True, slots=True)
class Unisolated:
    """``folder`` is private to this process and holds the commands' own folders."""

    folder: Path
    kind: str = "none"
    mounts: bool = False

    @classmethod
    async def find(cls, folder: Path) -> Unisolated:
        return cls(folder)

    def describe(self) -> Isolation:
        return Isolation("none", "Generated code is not isolated from this machine.", WARNING)

    def port(self, wanted: int) -> int:
        return free_port()

    async def launch(self, plan: Plan) -> Launch:
        ground = await prepare(plan, self.folder)
        await asyncio.to_thread(lay, ground)
        environment = [f"{name}={value}" for name, value in ground.plan.environment.items()]
        line = ["/usr/bin/env", "-i", *environment, sys.executable, "-ISB", "-c", ENTER, ground.plan.cwd]
        return Launch(
            [*line, *ground.plan.argv],
            descriptors=plan.listen[:1] if plan.listen else (),
            close=ground.close,
        )


# In the folder that was named, in the process that was started: no shell's word for it is the same everywhere.
ENTER = "import os, sys; os.chdir(sys.argv[1]); os.execvp(sys.argv[2], sys.argv[2:])"
