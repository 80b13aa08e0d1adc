"""Leases: which process may write to a session, and whether that process is still alive."""

from __future__ import annotations

import os
import socket
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

LEASE_SECONDS = 30.0
"""How long a lease lasts unless renewed. A dead owner among the processes we see is noticed at once."""


def process_space() -> str:
    """Among which processes an id of ours means something: of one start of a machine, of one namespace. A container has
    its own, though its name and its ids may be those of another. Empty where that cannot be told."""
    try:
        if os.readlink("/proc/self") != str(os.getpid()):
            return ""  # the /proc we see is of another namespace
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{socket.gethostname()} {boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def process_born(pid: int) -> float:
    """When the process started, in clock ticks since boot; 0 where that cannot be told. Tells a reused pid."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    return float(stat.rpartition(")")[2].split()[19])


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that may own sessions. ``label`` tells people which one, e.g. its URL."""

    label: str = "this process"
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    host: str = field(default_factory=process_space)
    pid: int = field(default_factory=os.getpid)

    @property
    def born(self) -> float:
        return process_born(self.pid) if self.host else 0.0


class Lease(NamedTuple):
    """A lease as a store keeps it. ``owner``: an owner's id; ``expires_at``: Unix seconds."""

    owner: str
    host: str
    pid: int
    born: float
    label: str
    expires_at: float

    @classmethod
    def of(cls, owner: Owner) -> Lease:
        return cls(owner.id, owner.host, owner.pid, owner.born, owner.label, time.time() + LEASE_SECONDS)

    def alive(self, seen_by: Owner) -> bool:
        """True if its owner still holds it, as far as ``seen_by`` can tell."""
        if self.host and self.host == seen_by.host and self.born:
            # The process itself is better evidence than a clock: a laptop may have slept for hours.
            return process_born(self.pid) == self.born
        return self.expires_at > time.time()
