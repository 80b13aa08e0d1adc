"""Limits by looking, where there are no control groups."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable

from .limits import descendants, measure

SECONDS = 0.05


class Watch(threading.Thread):
    """Ends a process tree that uses more than its share. A thread of its own: it must act when all else is slow.

    ``exceeded`` is called (in this thread) before the end, with True when it was memory.
    """

    def __init__(self, pid: int, memory: int, processes: int, exceeded: Callable[[bool], None]) -> None:
        super().__init__(name=f"watch-{pid}", daemon=True)
        self._root = pid
        self._process = os.pidfd_open(pid)  # a process id may be given to another one, a handle is not
        self._memory = memory
        self._processes = processes
        self._exceeded = exceeded

    def run(self) -> None:
        try:
            while True:
                pids = descendants([self._root], self._processes + 1)
                use = measure(pids)
                if use.memory > self._memory or max(len(pids), use.threads) > self._processes:
                    self._exceeded(use.memory > self._memory)
                    signal.pidfd_send_signal(self._process, signal.SIGKILL)
                signal.pidfd_send_signal(self._process, 0)
                time.sleep(SECONDS)
        except ProcessLookupError:
            pass
        finally:
            with contextlib.suppress(OSError):
                os.close(self._process)
