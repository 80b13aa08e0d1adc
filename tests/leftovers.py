"""What a server may have left on this machine: processes and control groups."""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path

from jupyter_appbuilder.sandbox.local.processes.limits import GROUP_PREFIX


def processes_with(words: str) -> list[int]:
    """Ids of this machine's processes whose command line holds ``words``."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if words.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def control_groups(pattern: str) -> list[Path]:
    """The App Builder's control groups with a name like ``pattern``, which follows the prefix.

    Other tests make and remove groups meanwhile: ``Path.rglob`` fails when a folder vanishes, ``os.walk`` does not.
    """
    return [
        Path(folder) / name
        for folder, names, _ in os.walk("/sys/fs/cgroup")
        for name in fnmatch.filter(names, f"{GROUP_PREFIX}{pattern}")
    ]
