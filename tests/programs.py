"""Which system programs the tests may start: what every Debian has, Python's and Node's, and what ``make system-test``
installs. A test that starts another passes on its author's machine alone.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path, PurePath
from typing import Any

from jupyter_appbuilder.approvals.shell import read

MAKEFILE = Path(__file__).parent.parent / "Makefile"
SYSTEM = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
NODE = frozenset(["node", "npm", "npx", "corepack"])
PYTHON = frozenset(["pip", "pip3"])
BUILTINS = frozenset(["echo", "kill", "printf", "pwd", "test", "true", "false", "["])
"""Of a shell, where a program of that name may be installed too."""
FUNCTION = re.compile(r"(\w+) ?\(\)")


def named(makefile: str) -> set[str]:
    """The programs that ``make system-test`` installs: the rule has PROGRAM:PACKAGE for each."""
    (rule,) = re.findall(r"^system-test:\n\t((?:.*\\\n)*.*)$", makefile, re.MULTILINE)
    return {pair.partition(":")[0] for pair in rule.split() if ":" in pair}


@cache
def base() -> frozenset[str]:
    """The programs of the packages that every Debian has; empty elsewhere."""
    if not shutil.which("dpkg-query"):
        return frozenset()
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${Essential} ${Priority}\n"]
    packages = [line.split() for line in subprocess.check_output(query, text=True).splitlines()]
    needed = [name for name, *marks in packages if "yes" in marks or "required" in marks]
    files = subprocess.check_output(["dpkg-query", "--listfiles", *needed], text=True).splitlines()
    return frozenset(PurePath(file).name for file in files if PurePath(file).parent.name in ("bin", "sbin"))


def unnamed(started: Iterable[str], makefile: str) -> set[str]:
    """Which of ``started`` are programs of this machine's system that neither Debian's base nor the Makefile brings."""
    allowed = base() | named(makefile) | NODE | PYTHON
    return {program for program in started if base() and not _allowed(program, allowed)}


def _allowed(program: str, allowed: Iterable[str]) -> bool:
    found = shutil.which(program, path=SYSTEM)
    if not found or program in allowed:
        return True
    real = os.path.realpath(found)  # such as /etc/alternatives/awk
    return (
        PurePath(real).name in allowed or PurePath(real).name.startswith("python") or real.startswith(sys.base_prefix)
    )


def programs_of(command: Iterable[Any]) -> Iterator[str]:
    """What a command line starts: the program, and those in a shell's line within it (``bwrap … sh -c LINE``)."""
    words = [os.fsdecode(word) for word in command]
    folder, _, program = words[0].rpartition("/")
    if not folder or folder in SYSTEM.split(":"):
        yield program
    for shell, option, line in zip(words, words[1:], words[2:], strict=False):
        if PurePath(shell).name in ("sh", "bash") and re.fullmatch("-[a-z]*c", option):
            own = FUNCTION.findall(line)
            names = {found.name for found in read(line).commands if not found.derived}
            yield from names.difference(BUILTINS, own)


class Watch:
    """Notes what this process starts, from the interpreter's own audit events."""

    def __init__(self) -> None:
        self._started: list[list[Any]] = []
        self._known: dict[str, bool] = {}

    def __call__(self, event: str, details: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen":
            arguments = details[1]
            single = isinstance(arguments, (str, bytes, os.PathLike))
            self._started.append(
                [details[0] if single else (details[0] or arguments[0]), *([] if single else arguments[1:])]
            )

    def strangers(self) -> set[str]:
        """Programs started since last asked that a bare machine lacks."""
        commands, self._started = self._started, []
        programs = {program for command in commands for program in programs_of(command)}
        new = programs - self._known.keys()
        if new:
            missing = unnamed(new, MAKEFILE.read_text())
            self._known |= {program: program not in missing for program in new}
        self._started.clear()  # what base() asked
        return {program for program in programs if not self._known[program]}


WATCH = Watch()
"""The test process's own, once conftest.py has made it an audit hook."""
