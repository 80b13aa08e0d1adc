"""Patches between two trees: git's format for small files, references for large contents."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

from ..cancellation import in_thread
from ..errors import Conflict, NotFound
from .apart import LARGEST_PATCHED, MOST_PATCHED, Apart, Find, Keep, Key
from .git import DIFF, Git, GitError
from .objects import LINK, LooseStore, object_hash, put_tree
from .records import Change, FileChange
from .versions import Versions

Difference = tuple[str, Key | None, Key | None]  # a file's path, what it was and what it is

LARGEST_EDITED, LARGEST_EDIT = 16 * 1024 * 1024, 128 * 1024
"""Bytes of a large file that is looked at for a small edit; characters of the patch of such an edit."""


class Patches:
    """Of one repository, made and applied without the app's folder."""

    def __init__(self, git: Git, store: LooseStore, versions: Versions) -> None:
        self._git = git
        self._store = store
        self._versions = versions
        self._keep: Keep | None = None
        self._find: Find | None = None

    def keep_apart(self, keep: Keep | None, find: Find) -> None:
        """Have contents that are too large for a patch kept by ``keep`` (otherwise patches hold all), and found by
        ``find``."""
        self._keep, self._find = keep, find

    async def patch(self, before: str, after: str) -> str:
        """The patch between two trees, as ``git diff --binary``; contents above 1 MB are stored separately."""
        if before == after:
            return ""
        if self._keep is None:
            return await self._git_diff(before, after)
        differing = await self._differing(before, after)
        patches = await self._sections(differing)
        return "".join(patches[path] for path, _, _ in differing)

    async def changes(self, before: str, after: str) -> list[FileChange]:
        """The files that differ between two trees, sorted by path."""
        if before == after:
            return []
        output = await self._git.run(
            "diff-tree", "-r", "-z", "--raw", "--numstat", "--no-renames", *DIFF[:3], before, after
        )
        fields = output.decode(errors="surrogateescape").split("\0")[:-1]
        letters: dict[str, str] = {}
        counts: dict[str, tuple[int, int]] = {}
        position = 0
        while position < len(fields):
            field = fields[position]
            if field.startswith(":"):
                letters[fields[position + 1]] = field.rpartition(" ")[2]
                position += 2
                continue
            added, removed, path = field.split("\t", 2)
            counts[path] = (0, 0) if added == "-" else (int(added), int(removed))
            position += 1
        names: dict[str, Change] = {"A": "created", "D": "deleted"}
        return [
            FileChange(path, names.get(letter, "modified"), *counts.get(path, (0, 0)))
            for path, letter in letters.items()
        ]

    async def explain(self, differing: Sequence[Difference]) -> list[tuple[FileChange, str]]:
        """Each change with a patch of its own, from trees that hold the differing files and nothing else."""
        if not differing:
            return []
        changes = {change.path: change for change in await self.changes(*await self._trees_of(differing))}
        patches = await self._sections(differing)
        return [(changes[path], patches[path]) for path, _, _ in differing]

    async def patched(self, tree: str, patch: str) -> str:
        """The tree that a patch without contents kept apart makes of ``tree``. Raises ``Conflict``."""
        index = self._git.staging / f"index-{secrets.token_hex(6)}"
        env = {"GIT_INDEX_FILE": str(index)}
        try:
            await self._git.run("read-tree", tree, env=env)
            content = (patch if patch.endswith("\n") else patch + "\n").encode(errors="replace")
            await self._git.run("apply", "--cached", "--whitespace=nowarn", "-", stdin=content, env=env)
            return (await self._git.run("write-tree", env=env)).decode().strip()
        except GitError as error:
            raise Conflict(
                f"The patch does not apply to the files as they are: {error.output.strip()[:1000]}",
                hint="Restore the version it was made for, or make the change by hand.",
                reason="patch_conflict",
            ) from None
        finally:
            index.unlink(missing_ok=True)

    async def put_apart(self, tree: str, apart: Sequence[Apart]) -> str:
        """The tree with the files whose contents are kept apart. Raises ``Conflict``, ``NotFound``."""
        files = await self._versions.files_of(tree)
        for item in apart:
            if files.get(item.path) != item.before:
                raise Conflict(
                    f"The patch does not apply to the files as they are: {item.path} is another one.",
                    hint="Restore the version it was made for, or make the change by hand.",
                    reason="patch_conflict",
                )
            files.pop(item.path, None)
        for item in apart:
            if item.after is None:
                continue
            await in_thread(self._store.put, "blob", await self._found(item))
            files[item.path] = item.after
        folders = {"/".join(path.split("/")[:depth]) for path in files for depth in range(1, path.count("/") + 1)}
        if folders & files.keys():
            raise Conflict(
                f"{min(folders & files.keys())} would be both a file and a folder.",
                hint="Restore the cell as it was.",
                reason="patch_conflict",
            )
        return await in_thread(put_tree, self._store, files)

    async def _differing(self, before: str, after: str) -> list[Difference]:
        """What differs between two trees, in the order of git's patch."""
        output = await self._git.run("diff-tree", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", before, after)
        fields = output.decode(errors="surrogateescape").split("\0")[:-1]
        found: list[Difference] = []
        for description, path in zip(fields[::2], fields[1::2], strict=True):
            old_mode, new_mode, old, new, _ = description[1:].split()
            keys = [(mode, key) if mode != "000000" else None for mode, key in ((old_mode, old), (new_mode, new))]
            found.append((path, keys[0], keys[1]))
        return found

    async def _git_diff(self, before: str, after: str) -> str:
        arguments = ("diff", "--binary", "--no-renames", *DIFF, before, after)
        try:
            return (await self._git.run(*arguments)).decode()
        except UnicodeDecodeError:
            # Text in another encoding. The log holds Unicode only, and a binary patch is plain ASCII.
            return (await self._git.run("-c", f"core.attributesFile={self._git.all_binary}", *arguments)).decode()

    async def _trees_of(self, differing: Sequence[Difference]) -> tuple[str, str]:
        before = await in_thread(put_tree, self._store, {path: key for path, key, _ in differing if key})
        after = await in_thread(put_tree, self._store, {path: key for path, _, key in differing if key})
        return before, after

    async def _sections(self, differing: Sequence[Difference]) -> dict[str, str]:
        """The patch of each file, by its path."""
        small, large = await self._told_apart(differing)
        patches: dict[str, str] = {}
        if small:
            trees = await self._trees_of(small)
            text = await self._git_diff(*trees)
            if len(small) == 1:
                patches[small[0][0]] = text
            else:
                sections = iter(await in_thread(lambda: re.split(r"^(?=diff --git )", text, flags=re.MULTILINE)[1:]))
                keys = {path: (before, after) for path, before, after in small}
                # In git's order, which is not that of the paths as text.
                for path, _, _ in await self._differing(*trees):
                    before, after = keys[path]
                    # A file that became a link, or the reverse, is told in two sections: one goes, the other comes.
                    both = before and after and (before[0] == LINK) != (after[0] == LINK)
                    patches[path] = "".join(islice(sections, 2 if both else 1))
        for difference, size in large:
            patches[difference[0]] = await self._large_section(difference, size)
        return patches

    async def _told_apart(
        self, differing: Sequence[Difference]
    ) -> tuple[list[Difference], list[tuple[Difference, int]]]:
        """Those that a patch tells, and those too large for it, with the bytes of what they are now."""
        if self._keep is None:
            return list(differing), []
        sizes = await self._versions.sizes({key[1] for _, before, after in differing for key in (before, after) if key})
        small: list[Difference] = []
        large: list[tuple[Difference, int]] = []
        total = 0
        for difference in differing:
            old, new = (sizes.get(key[1], 0) if key else 0 for key in difference[1:])
            if old + new <= LARGEST_PATCHED and total + old + new <= MOST_PATCHED:
                total += old + new
                small.append(difference)
            else:
                large.append((difference, new))
        return small, large

    async def _large_section(self, difference: Difference, size: int) -> str:
        """A large file's part of a patch: a small edit as such, otherwise its content is kept apart."""
        path, before, after = difference
        if before and after and LINK not in (before[0], after[0]) and size <= LARGEST_EDITED:
            text = await self._git_diff(*await self._trees_of([difference]))
            if len(text) <= LARGEST_EDIT:
                return text
        sha256 = ""
        if after and self._keep:
            sha256 = await self._keep((await self._versions.blobs({after[1]}))[after[1]])
        return Apart(path, before, after, sha256, size).section()

    async def _found(self, item: Apart) -> bytes:
        assert item.after is not None
        with suppress(GitError):
            return await self._git.run("cat-file", "blob", item.after[1])
        content = await self._find(item.sha256, item.after[1]) if self._find else None
        if content is None or object_hash("blob", content) != item.after[1]:
            raise NotFound(
                f"The content of {item.path} ({item.size / 1e6:.1f} MB, SHA-256 {item.sha256}) is not here. It is too "
                "large for a notebook, and kept where the session was made.",
                hint=f"Copy it from there: blobs/{item.sha256} in the data folder (c.AppBuilder.data_dir), or git's "
                f"object {item.after[1]} in the app's folder. Put it into the same place here.",
                reason="blob_missing",
            )
        return content
