"""Git commands on a session's repository.

Code in a sandbox can write every file of the app, so no command here looks at the app at all: they read and write
objects and refs, in a work tree that is named and always empty. No configuration outside the repository is read and
no hook, filter, pager or monitor runs, and nothing is fetched: a replay looks into a repository that came with a
stranger's notebook.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..cancellation import output_of
from ..errors import AppBuilderError, Unavailable
from .ignore import NOT_SECRET, SECRET

SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.autocrlf": "false",
    "core.attributesFile": "/dev/null",
    "core.quotePath": "false",
    "core.pager": "cat",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "diff.orderFile": "/dev/null",
    "diff.suppressBlankEmpty": "false",
    "apply.whitespace": "nowarn",
    "apply.ignoreWhitespace": "no",
}

DIFF = ("--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/", "-U3")

CONFIG = """\
[core]
	repositoryformatversion = 0
	filemode = true
	bare = false
	logallrefupdates = true
	worktree = ../app
	hooksPath = /dev/null
	fsmonitor = false
	autocrlf = false
"""

EXCLUDE = "\n".join(["node_modules/", *SECRET, *(f"!{name}" for name in NOT_SECRET)]) + "\n"


class GitError(AppBuilderError):
    """A git command that failed; ``output`` is what it said on stderr."""

    default_reason = "git_failed"

    def __init__(self, command: str, code: int, output: str) -> None:
        super().__init__(
            f"git {command} failed with exit code {code}: {output.strip()[:2000]}",
            hint="See whether the disk is full and the session's .git folder is intact.",
        )
        self.output = output


@dataclass(frozen=True, slots=True)
class Git:
    """Runs git on the repository ``folder/.git``."""

    folder: Path

    @property
    def repository(self) -> Path:
        return self.folder / ".git"

    @property
    def staging(self) -> Path:
        """For files on their way into the app, and indexes of ours."""
        return self.repository / "appbuilder"

    @property
    def all_binary(self) -> Path:
        """An attributes file by which every file is binary."""
        return self.staging / "all-binary"

    @property
    def _nothing(self) -> Path:
        return self.staging / "nothing"

    async def init(self) -> None:
        """Make the repository. Raises ``Unavailable`` when git is not installed."""
        await self.run("init", "-q", "--template=", "--object-format=sha1", "--initial-branch=main")
        self._configure()

    def _configure(self) -> None:
        (self.repository / "config").write_text(CONFIG)
        info = self.repository / "info"
        info.mkdir(exist_ok=True)
        (info / "exclude").write_text(EXCLUDE)
        self.all_binary.write_text("* -diff\n")

    async def run(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """The command's output. Raises ``GitError``; ``Unavailable`` when git is not installed."""
        if self.repository.is_dir():
            self._nothing.mkdir(parents=True, exist_ok=True)
        settings = [part for key, value in SETTINGS.items() for part in ("-c", f"{key}={value}")]
        try:
            process = await asyncio.create_subprocess_exec(
                "git",
                *settings,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                cwd=self._nothing,
                env=self._environment() | dict(env or {}),
            )
        except FileNotFoundError:
            if not self.repository.is_dir():
                raise Unavailable(
                    f"{self.repository} is not a repository made by this program, or it was deleted.",
                    hint="Delete the session and start again from its notebook.",
                    reason="no_repository",
                ) from None
            raise Unavailable(
                "Checkpoints need git, which is not installed.",
                hint="Install it (Debian: apt install git) and try again.",
                reason="git_missing",
            ) from None
        output, problem = await output_of(process, stdin)
        if process.returncode:
            raise GitError(arguments[0], process.returncode, problem.decode(errors="replace"))
        return output

    async def text(self, *arguments: str) -> str:
        return (await self.run(*arguments)).decode(errors="replace").strip()

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._nothing),
            "LC_ALL": "C",
            "GIT_DIR": str(self.repository),
            "GIT_WORK_TREE": str(self._nothing),
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            # A repository can name where what it lacks is fetched from, and what is run for that.
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_AUTHOR_NAME": "Jupyter App Builder",
            "GIT_AUTHOR_EMAIL": "appbuilder@localhost",
            "GIT_COMMITTER_NAME": "Jupyter App Builder",
            "GIT_COMMITTER_EMAIL": "appbuilder@localhost",
        }
