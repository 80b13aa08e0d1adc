"""A session's commits, and the files and contents they hold."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress

from ..cancellation import in_thread
from ..errors import NotFound
from ..formats.text import encodable
from .apart import LARGEST_PATCHED, Key
from .git import DIFF, Git, GitError
from .ignore import never_tracked
from .objects import EMPTY_TREE, LooseStore
from .records import Checkpoint

MANY_OBJECTS = 6700  # about as git itself thinks
PRUNED_AFTER = "2.weeks.ago"


class Versions:
    """Of one repository. It never looks at the app's folder."""

    def __init__(self, git: Git, store: LooseStore) -> None:
        self._git = git
        self._store = store

    async def head(self) -> tuple[str | None, str | None]:
        """The last commit and its tree; None for none."""
        try:
            commit, tree = (await self._git.text("rev-parse", "HEAD^{commit}", "HEAD^{tree}")).split()
        except GitError:
            return None, None
        return commit, tree

    async def commit(self, tree: str, parent: str | None, title: str) -> Checkpoint:
        """Make ``tree`` the newest version, after ``parent``."""
        person = f"Jupyter App Builder <appbuilder@localhost> {int(time.time())} +0000"
        lines = [f"tree {tree}", *([f"parent {parent}"] if parent else []), f"author {person}", f"committer {person}"]
        message = re.sub(r"[\0-\x08\x0b-\x1f]", "", title).strip() or "Checkpoint"
        commit = await in_thread(
            self._store.put, "commit", ("\n".join(lines) + f"\n\n{message}\n").encode(errors="replace")
        )
        await self._git.run("update-ref", "-m", "checkpoint", "HEAD", commit, parent or "")
        await self.follow_index(parent, commit)
        return (await self.log("-1", commit))[0]

    async def follow_index(self, parent: str | None, commit: str) -> None:
        """Keep `git status` in a person's terminal truthful: their index follows, unless they staged something."""
        try:
            if parent and (self._git.repository / "index").exists():
                await self._git.run("diff-index", "--cached", "--quiet", parent)
            await self._git.run("read-tree", commit)
        except GitError:
            return

    async def log(self, *revisions: str) -> list[Checkpoint]:
        """Commits, newest first, with how much each changed."""
        form = "--format=%x01%H%x00%T%x00%P%x00%ct%x00%s%x00"
        options = ("-z", "--first-parent", "-m", "--root", "--numstat", "--no-renames", form)
        output = await self._git.run("log", *options, *DIFF[:3], *revisions, "--")
        checkpoints: list[Checkpoint] = []
        # A file's name or a title may hold what begins a record, but not all of it.
        for record in re.split(r"(?:\A|(?<=\0))\x01(?=[0-9a-f]{40}\0)", output.decode(errors="replace"))[1:]:
            commit, tree, parents, at, title, *counts = record.split("\0")
            stats = [match.groups() for count in counts if (match := re.match(r"\s*(\d+|-)\t(\d+|-)\t", count))]
            checkpoints.append(
                Checkpoint(
                    id=commit,
                    tree=tree,
                    parent=parents.split()[0] if parents else None,
                    title=title,
                    at=float(at),
                    files=len(stats),
                    added=sum(int(added) for added, _ in stats if added != "-"),
                    removed=sum(int(removed) for _, removed in stats if removed != "-"),
                )
            )
        return checkpoints

    async def commit_of(self, checkpoint: str) -> str:
        """The commit that a checkpoint's id, or the beginning of one, names. Raises ``NotFound``."""
        if re.fullmatch(r"[0-9a-f]{7,40}", checkpoint):
            try:
                return await self._git.text("rev-parse", "--verify", "-q", checkpoint + "^{commit}")
            except GitError:
                pass
        raise NotFound(
            f"There is no checkpoint {checkpoint[:60]!r}.", hint="Choose one of the listed ones.", field="checkpoint"
        )

    async def files_of(self, tree: str) -> dict[str, Key]:
        """The files of a tree or commit, less what is never tracked here. Raises ``GitError`` for no tree of ours."""
        output = await self._git.run("ls-tree", "-r", "-z", "--full-tree", tree)
        files: dict[str, Key] = {}
        for line in output.decode(errors="surrogateescape").split("\0")[:-1]:
            description, path = line.split("\t", 1)
            mode, kind, key = description.split()
            # Another repository's commit (a gitlink) has no files to put back.
            if kind == "blob" and not any(never_tracked(part) for part in path.split("/")) and encodable(path):
                files[path] = (mode, key)
        return files

    async def blobs(self, keys: set[str]) -> dict[str, bytes]:
        """Contents by their hashes."""
        if not keys:
            return {}
        output = await self._git.run("cat-file", "--batch", stdin="".join(key + "\n" for key in keys).encode())
        blobs: dict[str, bytes] = {}
        position = 0
        while position < len(output):
            end = output.index(b"\n", position)
            key, _, size = output[position:end].decode().split()
            position = end + 1 + int(size) + 1
            blobs[key] = output[end + 1 : position - 1]
        return blobs

    async def sizes(self, keys: set[str]) -> dict[str, int]:
        """Bytes of contents by their hashes."""
        output = await self._git.run("cat-file", "--batch-check", stdin="".join(key + "\n" for key in keys).encode())
        return {key: int(size) for key, _, size in (line.split() for line in output.decode().split("\n")[:-1])}

    async def diff(self, commit: str, before: str = "") -> str:
        """The changes of a commit, since ``before`` or its parent, as a unified diff for people."""
        if not before:
            parents = (await self._git.text("show", "-s", "--format=%P", commit)).split()
            before = parents[0] if parents else EMPTY_TREE
        # Large files are said to differ.
        output = await self._git.run(
            "-c", f"core.bigFileThreshold={LARGEST_PATCHED}", "diff", "-M", *DIFF, before, commit
        )
        return output.decode(errors="replace")

    async def tidy(self) -> bool:
        """Pack the repository once many objects lie about, and delete what nothing names any more; whether that was
        done, so that no object is certain to be there."""
        sample = self._git.repository / "objects" / "17"
        if await in_thread(lambda: len(os.listdir(sample)) if sample.is_dir() else 0) < MANY_OBJECTS // 256:
            return False
        with suppress(GitError):
            await self._git.run("gc", "--quiet", f"--prune={PRUNED_AFTER}")
        self._store.forget()
        return True
