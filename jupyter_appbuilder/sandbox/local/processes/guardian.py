"""Ends leftover processes when the server ends, however it ends.

A process of a sandbox asks to die with the one that started it, but in its first milliseconds it has not yet asked. So
each enters itself in a list before all else, and a small process of its own kills what is on the list when the pipe
from the server closes, which even ``kill -9`` does.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
from pathlib import Path

from .limits import ControlGroups, own_prefix

# Once the folder is gone nothing enters itself any more, nor starts; what did so just before is read last.
SCRIPT = """
trap '' HUP INT TERM
left=' '
enter() {
  while read -r change one; do
    case "$change$left" in
      +*) left="$left$one " ;;
      *" $one "*) left="${left%% $one *} ${left#* $one }" ;;
    esac
  done
}
watch() {
  enter
  rm -rf "$0"
  sleep 0.1
  enter
  for one in $left; do kill -"${one%%:*}" "${one#*:}"; done
  name=$1
  shift
  for try in 1 2 3 4 5 6 7 8 9 10; do
    sleep 0.1
    for parent in "$@"; do (cd "$parent" && rmdir "$name"*); done
  done
}
exec 3<&0
watch "$@" <&3 3<&- >/dev/null 2>&1 &
"""


def family(folder: Path) -> str:
    """What the groups of the runner whose private folder this is have in common: a process may have several."""
    return folder.name.rpartition("-")[2]


class Guardian:
    """``entry`` is what a shell runs first, to be on the list; ``leave`` takes it off again."""

    def __init__(self, pipe: Path, writer: int) -> None:
        self.pipe = pipe
        self._writer = writer

    @classmethod
    def start(cls, folder: Path, groups: ControlGroups | None = None) -> Guardian:
        """``folder`` is private to this process; in the end it is removed, too, and so are its groups."""
        pipe = folder / "guardian"
        os.mkfifo(pipe, 0o600)
        both = os.open(pipe, os.O_RDWR | os.O_CLOEXEC)  # neither end can be opened before the other
        reader = os.open(pipe, os.O_RDONLY | os.O_CLOEXEC)
        writer = os.open(pipe, os.O_WRONLY | os.O_CLOEXEC)
        os.close(both)
        try:
            command = ["/bin/sh", "-c", SCRIPT, str(folder), f"{own_prefix()}{family(folder)}-"]
            command += map(str, groups.parents) if groups else ()
            subprocess.run(command, stdin=reader, start_new_session=True, check=True)
        except BaseException:
            os.close(writer)
            raise
        finally:
            os.close(reader)
        return cls(pipe, writer)

    def entry(self, signal: int, group: bool) -> str:
        """A line of sh. In the end the process that runs it gets ``signal``, or its group."""
        # Opened for both ways, so that it never waits, nor dies, where there is no guardian any more.
        return f'echo "+ {signal}:{"-" if group else ""}$$" 1<> {shlex.quote(str(self.pipe))} || exit 97'

    def leave(self, pid: int, signal: int, group: bool) -> None:
        with contextlib.suppress(OSError):
            os.write(self._writer, f"- {signal}:{'-' if group else ''}{pid}\n".encode())

    def close(self) -> None:
        """Nothing of ours runs any more. May be called twice."""
        writer, self._writer = self._writer, -1
        if writer >= 0:
            os.close(writer)
