"""Workspace: a session's files with safe reads and writes, versions, diffs and restore."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ..cancellation import in_thread
from ..errors import FULL, AppBuilderError, Conflict, InvalidInput, NotFound, Unavailable, of_the_disk
from . import data
from .apart import Find, Keep, Key, split
from .archive import contents_of, pack, zipped
from .folder import copy_at, link_at, opened_folder, read_at, remove, remove_at, write_at
from .git import Git, GitError
from .ignore import never_tracked
from .lines import changed_lines
from .objects import EMPTY_TREE, EXECUTABLE, FILE, LINK, LooseStore, object_hash, put_tree
from .patches import Difference, Patches
from .paths import inside, parts_of
from .records import Change, Checkpoint, FileChange, FileInfo, LaidOut, Restored
from .scan import LARGEST, DatasetFiles, Entry, entry_of, is_binary, is_tracked, mode_of, scan
from .snapshots import PLACE, Kept, Snapshots, beyond
from .versions import Versions

T = TypeVar("T")
Expected = Callable[[bytes | None], bool]  # given what a file holds (None: there is none), whether to go on

LARGEST_TEXT = 2 * 1024 * 1024
"""Bytes. Larger files are not opened as text."""

DATA = "refs/appbuilder/data/"
"""Below it each version, by its commit, has a tree of what the app had written."""

MOST_COPIES = 20
"""Versions, the newest, that keep such a copy."""

KNOWN = "refs/appbuilder/known"
"""Where the tree that the log already explains is kept, so that after a crash what it does not explain is found."""


class Workspace:
    """The folder of one session: ``folder/app`` holds the app, ``folder/.git`` its versions.

    Paths in this interface are relative to ``app/`` with forward slashes. Tree hashes depend on nothing but names,
    contents and the executable bit of the files; ignored files, `node_modules`, files that hold secrets by their name
    and files above 50 MB are not part of them.

    Every operation moves the *known* tree along; what differs from it is somebody else's doing (``outside_changes``).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.app = folder / "app"
        self._git = Git(folder)
        self._store = LooseStore(self._git.repository / "objects")
        self._versions = Versions(self._git, self._store)
        self._snapshots = Snapshots(self._git.repository)
        self._patches = Patches(self._git, self._store, self._versions)
        self._lock = asyncio.Lock()
        self._beside = False
        self._entries: dict[str, Entry] = {}  # what the last scan saw
        self._known: dict[str, Key] | None = None
        self._unseen: list[list[Difference]] = []  # others' edits we were about to write over, look by look
        self._own: list[FileChange] = []
        self.data_folders: tuple[str, ...] = ()
        """Folders of what the app itself writes, each with a slash at its end. What changes there is nobody's edit:
        trees have those of their files that our own operations wrote, as they wrote them. Each version has a copy."""
        self.data_elsewhere: data.Elsewhere | None = None
        """What the app keeps in none of its folders: copied into one with each version."""
        self.data_note = ""
        """For people: why what the app wrote could not be copied for the version that was asked for last, where no file
        had changed; "" where it could."""
        self.datasets = DatasetFiles()
        """Files of rows that a person handed to the app: in no tree, list, version or copy. ``put_dataset`` alone
        writes them."""
        self.private_datasets = DatasetFiles()
        """Those of them that are in no archive either."""

    def keep_apart(self, keep: Keep | None, find: Find) -> None:
        """Have contents that are too large for a patch kept by ``keep`` (otherwise patches hold all), and found by
        ``find``."""
        self._patches.keep_apart(keep, find)

    def beside(self) -> Workspace:
        """Another workspace on the same folder, to write as an editor does: this one finds its changes to be others'.

        It knows no tree, so it serves to write, delete and rename files only, and at once. What either
        does is one step to the other.
        """
        other = Workspace(self.folder)
        other._known = {}
        other._beside = True
        other.datasets = self.datasets
        other._lock = self._lock
        return other

    # Making and looking

    async def create(
        self,
        files: Path,
        *,
        over: Path | None = None,
        files_in_place: bool = False,
        on_files: Callable[[], None] | None = None,
    ) -> str:
        """Copy a template's files in, make the repository and the first checkpoint; return the tree hash.

        Files of the folder ``over`` take the place of those of their names.

        ``files_in_place``: they are in ``app/`` already. ``on_files`` is called as soon as they are: what happens to
        them from then on is no part of the first checkpoint. Raises ``Conflict`` when the folder already holds a
        session or an app.
        """
        async with self._lock:
            await in_thread(self._make_folders, files_in_place=files_in_place)
            contents = await in_thread(_with_others, files, over)
            if not files_in_place:
                await in_thread(self._copy, contents)
            if on_files:
                on_files()
            await self._git.init()
            self._known = await in_thread(self._keep_contents, contents)
            tree = await in_thread(put_tree, self._store, self._known)
            first = await self._versions.commit(tree, None, "Start from the template")
            await self._keep_data(first.id, begun=False)
            await self._keep_known()
            return tree

    async def branch(self, source: Workspace, checkpoint: str, tree: str) -> None:
        """Begin with another workspace's versions up to ``checkpoint``, and the files of ``tree``, a tree of its own.

        The other one is only read from. Raises ``NotFound`` where its repository does not have them any more,
        ``Conflict`` as ``create``.
        """
        async with self._lock:
            await in_thread(self._make_folders, files_in_place=False)
            await self._git.init()
            try:
                wanted = f"{checkpoint}\n{tree}\n".encode()
                pack = await source._git.run("pack-objects", "--revs", "--stdout", "-q", stdin=wanted)
            except (GitError, Unavailable) as error:
                raise NotFound(
                    f"The version to begin with is not in {source.folder} any more: {error.message}",
                    hint="Its history was pruned or deleted. Fork at a later version, or start a new app.",
                    reason="version_gone",
                ) from None
            await self._git.run("unpack-objects", "-q", stdin=pack)
            files = await self._versions.files_of(tree)
            self._known = {}
            await self._check_out(tree, list(files))
            self._known = files
            await self._git.run("update-ref", "-m", "fork", "HEAD", checkpoint)
            await self._versions.follow_index(None, checkpoint)
            await self._keep_known()

    def resolve(self, path: str) -> Path:
        """The path that ``path`` resolves to, links followed. Raises ``InvalidInput`` unless it is inside ``app/``."""
        return self.app.joinpath(*inside(self.app, path))

    async def list(self, under: str = "") -> list[FileInfo]:
        """The app's files (ignored ones left out), sorted by path; ``under`` names a folder or a file."""
        prefix = "/".join(inside(self.app, under))
        async with self._lock:
            await self._scan()
            return [
                FileInfo(path, entry.size, entry.modified_ns / 1e9, entry.binary)
                for path, entry in self._entries.items()
                if not prefix or path == prefix or path.startswith(prefix + "/")
            ]

    async def read(self, path: str) -> bytes:
        """A file's bytes. Raises ``NotFound``; ``InvalidInput`` for a folder or a path that leaves the app."""
        return await in_thread(self._read, path, LARGEST)

    async def read_text(self, path: str) -> str:
        """A file's text, its line endings untouched. Raises as ``read``; ``InvalidInput`` for a binary file or one
        above 2 MB."""
        content = await in_thread(self._read, path, LARGEST_TEXT)
        if not is_binary(content):
            try:
                return content.decode()
            except UnicodeDecodeError:
                pass
        raise InvalidInput(
            f"{path} is not a text file (UTF-8).", hint="Work on it with a command instead.", reason="binary_file"
        )

    # Changing files

    async def write(self, path: str, content: bytes | str, *, replacing: bytes | Expected | None = None) -> FileChange:
        """Write a whole file at once, making its folders. ``added`` and ``removed`` are both 0 when text stays the
        same. Raises ``Conflict`` (reason ``file_changed``) when the file is not ``replacing``, what the caller worked
        on, any more; nobody who writes through us comes between that look and the write."""
        whole = content.encode() if isinstance(content, str) else content
        parts = self._writable(path)
        async with self._lock:
            await self._begin(parts)
            if parts[-1] == ".gitignore":
                return await self._around_ignore_rules(lambda: self._write(parts, whole, replacing))
            return await in_thread(self._write, parts, whole, replacing)

    async def delete(self, path: str, *, replacing: Expected | None = None) -> FileChange:
        """Delete a file (a link itself, not its target), and the folders that are empty then. ``replacing`` as for
        ``write``."""
        parts = self._writable(path, follow=False)
        async with self._lock:
            await self._begin(parts)
            if parts[-1] == ".gitignore":
                return await self._around_ignore_rules(lambda: self._delete(parts, replacing))
            return await in_thread(self._delete, parts, replacing)

    async def rename(self, old: str, new: str) -> list[FileChange]:
        """Move a file or folder. Raises ``Conflict`` when ``new`` exists."""
        source, target = self._writable(old, follow=False), self._writable(new, follow=False)
        async with self._lock:
            await self._begin(source, target)
            if ".gitignore" in (source[-1], target[-1]) or await in_thread(self._is_folder, source):
                return await self._around_ignore_rules(lambda: self._rename(source, target))
            return await in_thread(self._rename, source, target)

    async def apply(self, patch: str, *, clearing: bool = False) -> list[FileChange]:
        """Apply a patch (``git diff --binary``) as a whole. Raises ``Conflict`` when it does not apply.

        With ``clearing``, files that are no part of the app and lie where others are to go are deleted.
        """
        if not patch.strip():
            return []
        async with self._lock:
            await self._load()
            await self._scan()
            before = await in_thread(put_tree, self._store, self._keys())
            plain, apart = await in_thread(split, patch)
            after = await self._patches.patched(before, plain) if plain.strip() else before
            if apart:
                after = await self._patches.put_apart(after, apart)
            changes = await self._patches.changes(before, after)
            await self._check_out(after, [change.path for change in changes], clearing=clearing)
            self._own += changes
            return changes

    async def put_dataset(self, path: str, source: Path, content: tuple[int, str], *, private: bool = False) -> None:
        """Put a copy of the file ``source``, of that size and SHA-256, at ``path``, in place of an earlier dataset, as
        no part of any tree.

        Raises ``Conflict`` where the app has a file of its own there, or something that cannot be replaced;
        ``Unavailable`` for a full disk. What was there stays then.
        """
        parts = parts_of(path)
        async with self._lock:
            await self._load()
            await self._scan()
            if path not in self.datasets.paths and (path in (self._known or {}) or path in self._entries):
                raise Conflict(
                    f"The app has a file {path} already.",
                    hint="Give the dataset another name, or delete the file first.",
                    reason="file_in_the_way",
                )
            self.datasets.contents.add(content)
            await in_thread(self._copy_dataset, parts, source)
            self.datasets.paths.add(path)
            self.private_datasets.paths.discard(path)
            if private:
                self.private_datasets.paths.add(path)
                self.private_datasets.contents.add(content)

    async def take_unseen(self) -> list[tuple[FileChange, str]]:
        """Others' changes just before an operation of ours overwrote them, each with its patch."""
        async with self._lock:
            return await self._take_unseen()

    def take_changes(self) -> list[FileChange]:
        """Changes by ``write``, ``delete``, ``rename`` and ``apply`` since the last call."""
        taken, self._own = self._own, []
        return taken

    # Comparing

    async def snapshot(self, *, made_since: AbstractSet[str] | None = None) -> str:
        """The tree hash of the files as they are now; its objects are kept in the repository.

        Of the data folders it also has files that were not there yet when ``data_files`` said ``made_since``, databases
        left out: a command makes what an app begins with, too.
        """
        async with self._lock:
            await self._scan()
            keys = self._keys()
            if made_since is not None:
                keys |= await in_thread(self._made, made_since)
            return await in_thread(put_tree, self._store, keys)

    def data_files(self) -> frozenset[str]:
        """Files of the data folders at the last look."""
        return frozenset(path for path in self._entries if data.below(path, self.data_folders))

    def is_data(self, path: str) -> bool:
        return data.below(path, self.data_folders)

    async def known(self) -> str:
        """The tree hash of what our operations and ``outside_changes`` account for."""
        async with self._lock:
            await self._load()
            return await in_thread(put_tree, self._store, self._known or {})

    async def accept(self) -> str:
        """Take the files as they are now for known, and return their tree hash: after a command, say, whose
        changes the caller records itself."""
        async with self._lock:
            tree = await self._scan_tree()
            self._known = self._keys()
            return tree

    async def commit_known(self) -> None:
        """Keep the known tree on disk. Call it once the log holds the events that explain it: after a crash,
        whatever differs from the tree kept last is an outside change."""
        async with self._lock:
            await self._load()
            await self._keep_known()

    async def patch(self, before: str, after: str) -> str:
        """The patch between two trees, as ``git diff --binary``."""
        return await self._patches.patch(before, after)

    async def changes(self, before: str, after: str) -> list[FileChange]:
        """The files that differ between two trees, sorted by path."""
        return await self._patches.changes(before, after)

    async def outside_changes(self) -> list[tuple[FileChange, str]]:
        """Changes by others since our last touch, each with its patch. They count as seen from then on."""
        async with self._lock:
            await self._load()
            await self._note_outside()
            return await self._take_unseen()

    async def revive(self) -> None:
        """Make the app's folder where it is gone, so that a version can be restored into it."""
        async with self._lock:
            if self._git.repository.is_dir():
                await in_thread(lambda: self.app.mkdir(exist_ok=True))

    async def knows(self, path: str) -> bool:
        """True if the known tree holds the file ``path``."""
        async with self._lock:
            await self._load()
            return "/".join(inside(self.app, path)) in (self._known or {})

    async def known_content(self, path: str) -> bytes | None:
        """The content of ``path`` in the known tree; None if it has no such file."""
        async with self._lock:
            await self._load()
            held = (self._known or {}).get("/".join(inside(self.app, path)))
            return (await self._versions.blobs({held[1]}))[held[1]] if held else None

    async def put_back(self, *paths: str) -> None:
        """Make these files what the known tree has, or delete them where it has none."""
        async with self._lock:
            await self._load()
            tree = await in_thread(put_tree, self._store, dict(self._known or {}))
            await self._check_out(tree, ["/".join(inside(self.app, path)) for path in paths])

    async def know(self, tree: str) -> None:
        """Take a tree for known: what differs from it is an outside change. Raises ``NotFound`` for no tree of ours."""
        async with self._lock:
            try:
                self._known = await self._versions.files_of(tree)
            except GitError:
                raise NotFound(f"The app's history has no tree {tree}.", hint="It was pruned or replaced.") from None
            self._unseen = []

    # Versions

    async def checkpoint(self, title: str, *, of_known_tree: bool = False, for_data: bool = False) -> Checkpoint | None:
        """Keep the files as they are as a version. None when nothing changed since the last one; ``for_data``: in what
        the app wrote, too.

        With ``of_known_tree``, the files as the known tree has them: what somebody changed this moment waits for the
        next.
        """
        async with self._lock:
            await self._load()
            known = dict(self._known or {})
            tree = await (in_thread(put_tree, self._store, known) if of_known_tree else self._scan_tree())
            head, head_tree = await self._versions.head()
            await self._keep_known()
            copied = None
            if tree == head_tree:
                if not (for_data and head and self.data_folders):
                    return None
                copied = await self._copied_data()
                self.data_note = copied[0].note
                if not copied[1] or copied[1] == await self._data_of(head):
                    return None
            made = await self._versions.commit(tree, head, title)
            made = await self._with_data(made, copied)
            if await self._versions.tidy():
                self._entries = {}  # their hashes say that the objects are there
            return made

    async def checkpoints(self) -> list[Checkpoint]:
        """Every version, newest first."""
        return await self._versions.log("HEAD")

    async def version(self, checkpoint: str) -> str:
        """The whole id of a version, of which ``checkpoint`` is the beginning. Raises ``NotFound``."""
        return await self._versions.commit_of(checkpoint)

    async def diff(self, checkpoint: str, since: str = "") -> str:
        """The changes of a checkpoint, or since another one, as a unified diff for people. Raises ``NotFound``."""
        before = await self._versions.commit_of(since) if since else ""
        return await self._versions.diff(await self._versions.commit_of(checkpoint), before)

    async def contents_in(self, checkpoint: str, under: str, largest: int) -> dict[str, bytes | None]:
        """The files that a version has below ``under``, a folder with a slash at its end; None for what is larger than
        ``largest``. Raises ``NotFound``."""
        there = await self._versions.files_of(await self._versions.commit_of(checkpoint))
        files = {path: key for path, (mode, key) in there.items() if path.startswith(under) and mode != LINK}
        sizes = await self._versions.sizes(set(files.values()))
        contents = await self._versions.blobs({key for key, size in sizes.items() if size <= largest})
        return {path: contents.get(key) for path, key in files.items()}

    async def data_differs(self, checkpoint: str) -> bool:
        """True if what the app wrote is another than a version's copy of it. Nothing to compare is no difference."""
        async with self._lock:
            kept = await self._data_of(await self._versions.commit_of(checkpoint))
            if kept is None:
                return False
            return await self._data_now() != kept

    async def data_tree(self) -> str:
        """The tree of what the app has written by now; empty where it has no data folders, or too much in them."""
        if not self.data_folders:
            return ""
        async with self._lock:
            return await self._data_now()

    async def data_of(self, checkpoint: str) -> str | None:
        """The tree of a version's copy of what the app wrote; None where it has none. Raises ``NotFound``."""
        return await self._data_of(await self._versions.commit_of(checkpoint))

    async def kept_size(self, checkpoint: str, *paths: str) -> int | None:
        """Bytes that a version's copy of what the app wrote has of these files; None where there is no copy."""
        tree = await self.data_of(checkpoint)
        if tree is None:
            return None
        large, files = await self._large_of(tree), await self._versions.files_of(tree)
        small = await self._versions.sizes({files[path][1] for path in paths if path in files})
        return sum(large[path].size for path in paths if path in large) + sum(small.values())

    async def lay_beside(self, checkpoint: str, places: Mapping[str, str]) -> None:
        """Copy files of a version's copy of what the app wrote to other paths of the app, those that it has. Raises
        ``NotFound`` for a version without one, ``Conflict`` where it is no longer whole, ``OSError``."""
        tree = await self.data_of(checkpoint)
        if tree is None:
            raise NotFound("That version has no copy of the app's data.", reason="data_gone")
        large, files = await self._large_at_hand(tree), await self._versions.files_of(tree)
        small = {path: files[path] for path in places if path in files}
        contents = await self._versions.blobs({key for _, key in small.values()})

        def put() -> None:
            for path, place in places.items():
                if path in large:
                    self._snapshots.put_back(self.app, place, large[path], self._git.staging)
                elif path in small:
                    mode, key = small[path]
                    self._put(place, mode, contents[key])

        await in_thread(put)

    async def lay_out(self, checkpoint: str, place: Path) -> LaidOut:
        """Put the files of a version into ``place/app``, a new folder that nobody else writes to, with its copy of what
        the app wrote; where it has none, with a copy of what there is now. Raises ``NotFound``, ``OSError``."""
        commit = await self._versions.commit_of(checkpoint)
        files = await self._versions.files_of(commit)
        kept, large, note = await self._data_of(commit) if self.data_folders else None, {}, ""
        if kept is not None:
            try:
                large = await self._large_at_hand(kept)
            except Conflict:
                kept = None
        own = kept is not None
        if not own and self.data_folders:
            async with self._lock:
                copy, kept = await self._copied_data()
            note, large = copy.note, copy.large
        if kept:
            files = {path: key for path, key in files.items() if not self.is_data(path)}
            files |= {path: key for path, key in (await self._versions.files_of(kept)).items() if self.is_data(path)}
        app, staging = place / "app", place / "staging"

        def put(contents: Mapping[str, bytes], paths: Iterable[str]) -> None:
            for path in paths:
                *folders, name = path.split("/")
                mode, key = files[path]
                with opened_folder(app, tuple(folders), make=True) as folder:
                    if mode == LINK:
                        link_at(folder, name, os.fsdecode(contents[key]))
                    else:
                        write_at(folder, name, contents[key], staging=staging, executable=mode == EXECUTABLE)

        await in_thread(lambda: (app.mkdir(), staging.mkdir()))
        sizes = await self._versions.sizes({key for _, key in files.values()})
        for some in _in_parts({path: sizes[key] for path, (_, key) in files.items()}, LARGEST):
            await in_thread(put, await self._versions.blobs({files[path][1] for path in some}), some)
        for path, one in large.items():
            await in_thread(self._snapshots.put_back, app, path, one, staging)
        return LaidOut(("version" if own else "present") if self.data_folders else "", note)

    async def agree(self, one: str, other: str, folders: Sequence[str]) -> bool:
        """Whether two versions have the same copy of what the app wrote, and the same files below ``folders``, each
        with a slash at its end."""
        data_of_one = await self.data_of(one)
        if data_of_one is None or data_of_one != await self.data_of(other):
            return False
        (mine, theirs) = [await self._versions.files_of(version) for version in (one, other)]
        return {path: key for path, key in mine.items() if path.startswith(tuple(folders))} == {
            path: key for path, key in theirs.items() if path.startswith(tuple(folders))
        }

    async def put_back_data(self, tree: str) -> None:
        """Make what the app wrote that of ``tree`` again. The app must not be writing meanwhile."""
        async with self._lock:
            await self._check_out_data(tree)

    async def restore(self, checkpoint: str, *, data: bool = True) -> Restored:
        """Put the files of a version back, as a new version on top, and with ``data`` its copy of what the app wrote,
        which the app must not be writing meanwhile. Raises ``NotFound``.

        What was not in a version yet gets one of its own first; it is the parent of the one returned. The patch leads
        from the known tree to the restored one. What the app wrote stays where the version has no copy of it, or it
        could not be kept first: ``data_stays``, and a note that says so.
        """
        commit = await self._versions.commit_of(checkpoint)
        async with self._lock:
            await self._load()
            tree = await self._scan_tree()
            head, head_tree = await self._versions.head()
            known = await in_thread(put_tree, self._store, self._known or {})
            if tree != head_tree:
                by_hand = known != tree or bool(self._unseen)
                head = (await self._versions.commit(tree, head, "Edits by hand" if by_hand else "Before going back")).id
                await self._keep_data(head)
            kept, stays, now = await self._data_of(commit) if data else None, "", ""
            if kept is not None:
                await self._large_at_hand(kept)
            if data and self.data_folders and head:
                copied = await self._copied_data()
                now = copied[1]
                if kept is None and now != EMPTY_TREE:
                    stays = "That version has no copy of the app's data, which stay as they are."
                elif not now:
                    kept, stays = None, "The app's data could not be kept first, so they stay as they are."
                elif kept is not None and now != await self._data_of(head):
                    head = (await self._versions.commit(tree, head, "Data before going back")).id
                    await self._keep_data(head, copied)
            target, _, title = (await self._git.text("show", "-s", "--format=%T%n%s", commit)).partition("\n")
            # A commit made by hand may hold what is never tracked here: what counts is what is on disk afterwards.
            changed = [change.path for change in await self._patches.changes(tree, target)]
            before = dict(self._known or {})
            await self._check_out(target, changed)
            if kept is not None:
                try:
                    await self._check_out_data(kept)
                except (AppBuilderError, OSError):  # files and data, or neither
                    if self.data_elsewhere:
                        await self._put_data_back(now)
                    await self._check_out(tree, changed)
                    self._known = before
                    raise
            restored = await self._scan_tree()
            self._known, self._unseen = self._keys(), []
            title = title if title.startswith('Restore "') else f'Restore "{title}"'
            made = await self._versions.commit(restored, head, title)
            made = await self._with_data(made)
            if stays:
                made = replace(made, note=f"{stays} {made.note}".strip())
            await self._keep_known()
            return Restored(made, await self._patches.patch(known, restored), data_stays=bool(stays))

    # Taking it along

    async def zip(self, more: Mapping[str, str] | None = None) -> bytes:
        """The app's files as a ZIP archive: no ignored files, no secrets, the same bytes for the same files. ``more``:
        texts to add, by path, where the app has no file."""
        return await in_thread(zipped, self.app, more or {}, self.private_datasets)

    async def archive(self) -> str:
        """The app's files as compact text, for a notebook; see ``archive.unpack``."""
        return await in_thread(pack, self.app)

    # Below the surface: files (these run in threads)

    def _make_folders(self, *, files_in_place: bool) -> None:
        if self._git.repository.exists() or (not files_in_place and self.app.is_dir() and any(self.app.iterdir())):
            raise Conflict(
                f"{self.folder} already holds an app.", hint="Choose another name.", reason="workspace_exists"
            )
        self.app.mkdir(parents=True, exist_ok=True)
        self._git.repository.mkdir()
        self._git.staging.mkdir()

    def _copy(self, contents: Iterable[tuple[str, str, bytes]]) -> None:
        for path, mode, content in contents:
            self._put(path, mode, content)

    def _keep_contents(self, contents: Iterable[tuple[str, str, bytes]]) -> dict[str, Key]:
        return {path: (mode, self._store.put("blob", content)) for path, mode, content in contents}

    def _put(self, path: str, mode: str, content: bytes) -> None:
        *folders, name = path.split("/")
        with opened_folder(self.app, tuple(folders), make=True) as folder:
            if mode == LINK:
                link_at(folder, name, os.fsdecode(content))
            else:
                write_at(folder, name, content, staging=self._git.staging, executable=mode == EXECUTABLE)

    def _clear_way(self, path: str) -> None:
        """Delete what is no folder where one is to be above ``path``, and a folder in its place."""
        *folders, name = path.split("/")
        for depth, folder in enumerate(folders):
            with opened_folder(self.app, tuple(folders[:depth])) as above:
                try:
                    if not stat.S_ISDIR(os.stat(folder, dir_fd=above, follow_symlinks=False).st_mode):
                        os.unlink(folder, dir_fd=above)
                        return
                except FileNotFoundError:
                    return
        with opened_folder(self.app, tuple(folders)) as above, suppress(FileNotFoundError):
            if stat.S_ISDIR(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
                remove_at(above, name)

    def _copy_dataset(self, parts: tuple[str, ...], source: Path) -> None:
        try:
            with opened_folder(self.app, parts[:-1], make=True) as folder:
                copy_at(folder, parts[-1], source, staging=self._git.staging)
        except (NotADirectoryError, FileExistsError, IsADirectoryError):
            raise Conflict(
                f"{'/'.join(parts)} cannot be written: a folder has the place of a file, or a file that of a folder.",
                hint="Move it away, or give the dataset another name.",
                reason="file_in_the_way",
            ) from None
        except OSError as error:
            raise _refused("/".join(parts), "written", error, self.folder) from None

    def _writable(self, path: str, *, follow: bool = True) -> tuple[str, ...]:
        parts = inside(self.app, path, follow=follow)
        whole = "/".join(parts)
        if any(one == whole or one.startswith(whole + "/") for one in self.datasets.paths if parts):
            raise InvalidInput(
                f"{path} is, or holds, data that the person handed to the app.",
                hint="Leave it where it is. The person replaces it by handing it over again.",
                reason="dataset",
                field="path",
            )
        if not parts:
            raise InvalidInput("The path names the app's folder itself.", hint="Name a file in it.", field="path")
        if "node_modules" in parts:
            raise InvalidInput(
                f"{path} lies in node_modules, which is not part of the app.",
                hint="Install packages with install_packages; change their behaviour in the app's own code.",
                reason="invalid_path",
                field="path",
            )
        return parts

    def _read(self, path: str, limit: int) -> bytes:
        parts = inside(self.app, path)
        try:
            if not parts:
                raise IsADirectoryError
            with opened_folder(self.app, parts[:-1]) as folder:
                content, status = read_at(folder, parts[-1], limit)
        except (FileNotFoundError, NotADirectoryError):
            raise _missing(path) from None
        except IsADirectoryError:
            raise InvalidInput(
                f"{path or 'The path'} is a folder.", hint="Name a file; list_files shows them.", field="path"
            ) from None
        except OSError as error:
            raise InvalidInput(f"{path} cannot be read: {error.strerror}.", hint="Name a file.", field="path") from None
        if len(content) > limit:
            raise InvalidInput(
                f"{path} is too large to open: {status.st_size / 1e6:.1f} MB of at most {limit / 1e6:.0f} MB.",
                hint="Look at parts of it with a command such as head or grep.",
                reason="file_too_large",
                field="path",
            )
        return content

    def _write(self, parts: tuple[str, ...], content: bytes, replacing: bytes | Expected | None = None) -> FileChange:
        path = "/".join(parts)
        tracked = is_tracked(self.app, parts) and not self.datasets.holds(content)
        try:
            with opened_folder(self.app, parts[:-1], make=True) as folder:
                old, mode = self._before(folder, path, tracked)
                if mode == LINK:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                if replacing is not None and not (replacing(old) if callable(replacing) else old == replacing):
                    raise _changed(path)
                executable = mode == EXECUTABLE
                status = write_at(folder, parts[-1], content, staging=self._git.staging, executable=executable)
        except (NotADirectoryError, FileExistsError):
            raise Conflict(
                f"{path} cannot be written: one of its folders is a file.", hint="Choose another path."
            ) from None
        except IsADirectoryError:
            raise Conflict(f"{path} is a folder.", hint="Choose another path, or delete its files first.") from None
        except OSError as error:
            raise _refused(path, "written", error, self.folder) from None
        if tracked and len(content) <= LARGEST:
            self._entries[path] = entry_of(content, status, self._store)
            self._set_known(path, self._entries[path].key)
        change = _compared(path, old, content)
        if old != content:
            self._own.append(change)
        return change

    def _delete(self, parts: tuple[str, ...], replacing: Expected | None = None) -> FileChange:
        path = "/".join(parts)
        tracked = is_tracked(self.app, parts)
        try:
            with opened_folder(self.app, parts[:-1]) as folder:
                old, mode = self._before(folder, path, tracked)
                if replacing is not None and not replacing(old):
                    raise _changed(path)
                if mode is None:
                    raise FileNotFoundError
            remove(self.app, parts)
        except (FileNotFoundError, NotADirectoryError):
            raise _missing(path) from None
        except IsADirectoryError:
            raise InvalidInput(f"{path} is a folder.", hint="Delete its files one by one.", field="path") from None
        except OSError as error:
            raise _refused(path, "deleted", error, self.folder) from None
        self._entries.pop(path, None)
        self._set_known(path, None)
        change = _compared(path, b"" if mode == LINK else old or b"", None)
        self._own.append(change)
        return change

    def _rename(self, source: tuple[str, ...], target: tuple[str, ...]) -> list[FileChange]:
        old, new = "/".join(source), "/".join(target)
        if target[: len(source)] == source:
            raise InvalidInput(f"{old} cannot be moved into itself.", hint="Choose another path.", field="new_path")
        moved = [path for path in self._entries if path.startswith(old + "/")]
        try:
            with (
                opened_folder(self.app, source[:-1]) as origin,
                opened_folder(self.app, target[:-1], make=True) as goal,
            ):
                os.stat(source[-1], dir_fd=origin, follow_symlinks=False)
                try:
                    os.stat(target[-1], dir_fd=goal, follow_symlinks=False)
                except FileNotFoundError:
                    pass
                else:
                    raise Conflict(f"{new} already exists.", hint="Choose another path, or delete it first.")
                content: dict[str, bytes] = {}
                if not moved:
                    try:
                        content[old] = self._before(origin, old, is_tracked(self.app, source))[0] or b""
                    except OSError:
                        content[old] = b""  # an empty folder
                else:
                    content = {path: self._read(path, LARGEST) for path in moved}
                os.rename(source[-1], target[-1], src_dir_fd=origin, dst_dir_fd=goal)
                self._note_gone([path for path in self._known or {} if path == new or path.startswith(new + "/")])
        except (FileNotFoundError, NotADirectoryError):
            raise _missing(old) from None
        except OSError as error:
            raise _refused(old, f"moved to {new}", error, self.folder) from None
        changes: list[FileChange] = []
        for path, moving in content.items():
            place = new + path[len(old) :]
            self._entries.pop(path, None)
            self._set_known(path, None)
            self._make_way(place)
            if is_tracked(self.app, tuple(place.split("/"))) and (entry := self._stat_entry(place)):
                self._entries[place] = entry
                self._set_known(place, entry.key)
            changes += [_compared(path, moving, None), _compared(place, None, moving)]
        self._own += changes
        return changes

    def _stat_entry(self, path: str) -> Entry | None:
        *folders, name = path.split("/")
        with opened_folder(self.app, tuple(folders)) as folder:
            try:
                content, status = _read_or_link(folder, name)
            except OSError:
                return None
        return None if self.datasets.holds(content) else entry_of(content, status, self._store)

    def _before(self, folder: int, path: str, tracked: bool) -> tuple[bytes | None, str | None]:
        """A file's content (a link's target) and mode just before we replace it; an edit nobody has seen yet is noted,
        so that it is told and kept."""
        try:
            content, status = _read_or_link(folder, path.rpartition("/")[2])
        except FileNotFoundError:
            content, status = None, None
        self._make_way(path)
        mode = mode_of(status) if status else None
        known = (self._known or {}).get(path)
        now = (mode, object_hash("blob", content)) if content is not None and mode else None
        if tracked and now != known and (content is None or len(content) <= LARGEST):
            if content is not None:
                self._store.put("blob", content)
            self._unseen.append([(path, known, now)])
            self._set_known(path, now)
        return content, mode

    def _make_way(self, path: str) -> None:
        """Note that what cannot be there beside a file ``path`` has gone: files of its folders' names, or below it."""
        known = self._known or {}
        gone = ["/".join(path.split("/")[:depth]) for depth in range(1, path.count("/") + 1)]
        if path not in known:
            gone += [other for other in known if other.startswith(path + "/")]
        self._note_gone(gone)

    def _note_gone(self, paths: Iterable[str]) -> None:
        """Note that somebody took files away which are known still, so that it is told."""
        known = self._known or {}
        for path in paths:
            if path in known:
                self._unseen.append([(path, known[path], None)])
                self._entries.pop(path, None)
                self._set_known(path, None)

    def _is_folder(self, parts: tuple[str, ...]) -> bool:
        path = self.app.joinpath(*parts)
        return path.is_dir() and not path.is_symlink()

    def _set_known(self, path: str, key: Key | None) -> None:
        assert self._known is not None
        if key is None:
            self._known.pop(path, None)
        else:
            self._known[path] = key

    # Below the surface: trees and commits (under the lock)

    async def _around_ignore_rules(self, act: Callable[[], T]) -> T:
        """Run an act that may change which files count. Those that come or go by it are known, not somebody's edit."""
        await self._note_outside()
        before = self._keys()
        done = len(self._own)
        result = await in_thread(act)
        own = {change.path for change in self._own[done:]}
        await self._scan()
        self._known = {path: key if path in own else before.get(path, key) for path, key in self._keys().items()}
        return result

    async def _take_unseen(self) -> list[tuple[FileChange, str]]:
        found: list[tuple[FileChange, str]] = []
        for look in self._unseen:
            found += await self._patches.explain(look)
        self._unseen = []
        return found

    async def _note_outside(self) -> None:
        """Look at the files, and note what others changed since the last time."""
        await self._scan()
        known, now = self._known or {}, self._keys()
        differing = [
            (path, known.get(path), now.get(path))
            for path in sorted(known.keys() | now.keys(), key=str.encode)
            if known.get(path) != now.get(path)
        ]
        # What goes before what comes: a folder may have made room for a file of its name.
        differing.sort(key=lambda item: item[2] is not None)
        if differing:
            self._unseen.append(differing)
        self._known = now

    async def _begin(self, *places: tuple[str, ...]) -> None:
        """Before files of these paths are changed: where somebody changed which of them count, what that did to all
        files is noted first. Told after our change, it would not fit what that leaves."""
        await self._load()
        if not self._beside and await in_thread(lambda: any(self._has_new_rules(parts) for parts in places)):
            await self._note_outside()

    def _has_new_rules(self, parts: tuple[str, ...]) -> bool:
        for depth in range(len(parts)):
            mode, known = (self._known or {}).get("/".join((*parts[:depth], ".gitignore")), ("", None))
            try:
                with opened_folder(self.app, parts[:depth]) as folder:
                    found = object_hash("blob", read_at(folder, ".gitignore", LARGEST)[0])
            except (OSError, InvalidInput):
                found = None  # a link or a folder of that name holds no rules
            if found != (None if mode == LINK else known):
                return True
        return False

    async def _load(self) -> None:
        if self._known is not None:
            return
        for ref in (KNOWN, "HEAD^{tree}"):
            try:
                tree = await self._git.text("rev-parse", "--verify", "-q", ref)
            except GitError:
                continue
            self._known = await self._versions.files_of(tree)
            return
        self._known = {}

    async def _keep_known(self) -> None:
        def keep(known: Mapping[str, Key]) -> None:
            tree = put_tree(self._store, known)
            ref = self._git.repository / KNOWN
            try:
                if ref.read_text() == tree + "\n":
                    return
            except OSError:
                ref.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._git.staging / secrets.token_hex(8)
            temporary.write_text(tree + "\n")
            os.replace(temporary, ref)

        await in_thread(keep, dict(self._known or {}))

    async def _scan(self) -> None:
        self._entries = await in_thread(scan, self.app, self._store, self._entries, self.data_folders, self.datasets)

    async def _scan_tree(self) -> str:
        await self._scan()
        return await in_thread(put_tree, self._store, self._keys())

    def _keys(self) -> dict[str, Key]:
        keys = {path: entry.key for path, entry in self._entries.items() if not self.is_data(path)}
        if self.data_folders:
            for path, key in (self._known or {}).items():
                # A file that took the folder's place leaves none of it.
                above = ("/".join(path.split("/")[:depth]) for depth in range(1, path.count("/") + 1))
                if self.is_data(path) and not any(folder in keys for folder in above):
                    keys[path] = key
        return keys

    def _made(self, since: AbstractSet[str]) -> dict[str, Key]:
        made: dict[str, Key] = {}
        for path in self.data_files() - since - (self._known or {}).keys():
            if not data.DATABASE.search(path) and (entry := self._stat_entry(path)):
                made[path] = entry.key
        return made

    async def _with_data(self, made: Checkpoint, copied: tuple[data.Copy, str] | None = None) -> Checkpoint:
        """A version that was made, with a copy of what the app wrote."""
        note = await self._keep_data(made.id, copied)
        held = await self._data_of(made.id) if self.data_folders else None
        return replace(made, note=note, data=held not in (None, EMPTY_TREE))

    async def _keep_data(self, commit: str, copied: tuple[data.Copy, str] | None = None, *, begun: bool = True) -> str:
        """Keep a copy of what the app wrote with a version (``copied`` just now); what is not in it, for people.
        ``begun``: the app may have run already."""
        if not self.data_folders:
            return ""
        copy, tree = copied or await self._copied_data(begun=begun)
        name = DATA + commit
        if copy.note:
            return copy.note
        await self._git.run("update-ref", name, tree)
        older = (await self._git.text("rev-list", "--first-parent", f"--skip={MOST_COPIES}", "HEAD")).split()
        names = set((await self._git.text("for-each-ref", "--format=%(refname)", DATA)).split())
        if gone := names & {DATA + old for old in older}:
            await self._git.run("update-ref", "--stdin", stdin="".join(f"delete {ref}\n" for ref in gone).encode())
        return await self._limit_snapshots(names - gone) if copy.large else ""

    async def _limit_snapshots(self, names: AbstractSet[str]) -> str:
        """Have versions give up their large files where all are too much, the oldest first; what to say of that."""
        order = (await self._git.text("rev-list", "--first-parent", f"--max-count={MOST_COPIES}", "HEAD")).split()
        versions: dict[str, dict[str, int]] = {}
        for ref in (DATA + commit for commit in order if DATA + commit in names):
            versions[ref] = {kept.sha256: kept.size for kept in (await self._large_of(ref)).values()}
        if gone := beyond(versions):
            await self._git.run("update-ref", "--stdin", stdin="".join(f"delete {ref}\n" for ref in gone).encode())
        named = {sha256 for ref, files in versions.items() if ref not in gone for sha256 in files}
        await in_thread(self._snapshots.keep_only, named)
        many = f"{len(gone)} older versions" if len(gone) > 1 else "an older version"
        return f"There was no more room for the data of {many}: going back there keeps the data." if gone else ""

    async def _large_of(self, tree: str) -> dict[str, Kept]:
        """The large files that a tree of data names, by path."""
        files = await self._versions.files_of(tree)
        named = {path.removeprefix(PLACE): key for path, (_, key) in files.items() if path.startswith(PLACE)}
        contents = await self._versions.blobs(set(named.values()))
        found: dict[str, Kept] = {}
        for path, key in named.items():
            with suppress(ValueError, KeyError, TypeError):
                found[path] = Kept.read(contents[key])
        return found

    async def _large_at_hand(self, tree: str) -> dict[str, Kept]:
        """The same, those that can be put back. Raises ``Conflict`` where one is no longer kept."""
        large = {path: kept for path, kept in (await self._large_of(tree)).items() if self.is_data(path)}
        if not await in_thread(lambda: all(map(self._snapshots.has, large.values()))):
            raise Conflict(
                "The app's data of that version are no longer kept.",
                hint="Go back to its files alone.",
                reason="data_gone",
            )
        return large

    def _put_data(self, copy: data.Copy) -> str:
        return put_tree(
            self._store,
            {path: (mode, self._store.put("blob", content)) for path, (mode, content) in copy.files.items()}
            | {PLACE + path: (FILE, self._store.put("blob", kept.told())) for path, kept in copy.large.items()},
        )

    async def _data_now(self) -> str:
        """The tree of what the app has written by now; empty where it cannot be copied."""
        return (await self._copied_data())[1]

    async def _copied_data(self, *, begun: bool = True) -> tuple[data.Copy, str]:
        """A copy of what the app has written by now, and its tree; that is empty where it cannot be copied. ``begun``:
        the app may have run already."""
        if begun and self.data_elsewhere and (note := await self.data_elsewhere.save()):
            return data.Copy({}, note), ""
        copy = await in_thread(data.copied, self.app, self.data_folders, self._snapshots, self.datasets.paths)
        return copy, "" if copy.note else await in_thread(self._put_data, copy)

    async def _data_of(self, commit: str) -> str | None:
        try:
            return await self._git.text("rev-parse", "--verify", "-q", DATA + commit)
        except GitError:
            return None

    async def _check_out_data(self, tree: str) -> None:
        await self._put_data_back(tree)
        if self.data_elsewhere:
            await self.data_elsewhere.load()

    async def _put_data_back(self, tree: str) -> None:
        files = {path: key for path, key in (await self._versions.files_of(tree)).items() if self.is_data(path)}
        contents = await self._versions.blobs({key for _, key in files.values()})
        large = await self._large_at_hand(tree)

        def put() -> None:
            for path, kept in large.items():
                self._snapshots.put_back(self.app, path, kept, self._git.staging)
                self._entries.pop(path, None)
            for path in data.found(self.app, self.data_folders, self.datasets.paths):
                # A journal that is not the copy's would be played into its database.
                if path not in files and path not in large:
                    with suppress(FileNotFoundError, NotADirectoryError):
                        remove(self.app, tuple(path.split("/")))
            for path, (mode, key) in files.items():
                self._put(path, mode, contents[key])
                self._entries.pop(path, None)

        await in_thread(put)

    async def _check_out(self, tree: str, paths: list[str], *, clearing: bool = False) -> None:
        """Make the named files those of ``tree``: written, or deleted where the tree lacks them."""
        files = await self._versions.files_of(tree)
        paths = [path for path in paths if path not in self.datasets.paths]
        wanted = {path: files[path] for path in paths if path in files}
        contents = await self._versions.blobs({key for _, key in wanted.values()})

        known = dict(self._known or {})

        def put() -> None:
            for path in paths:
                parts = tuple(path.split("/"))
                if path not in wanted and not any(never_tracked(part) for part in parts):
                    with suppress(FileNotFoundError, NotADirectoryError):
                        remove(self.app, parts)
                    self._entries.pop(path, None)
                    self._set_known(path, None)
            for path, (mode, key) in wanted.items():
                if clearing:
                    self._clear_way(path)
                self._put(path, mode, contents[key])
                self._entries.pop(path, None)
                self._set_known(path, (mode, key))

        try:
            await in_thread(put)
        except (IsADirectoryError, NotADirectoryError, FileExistsError) as error:
            self._known = known  # what was put back by then is found as an outside change
            raise Conflict(
                f"A file cannot be put back: {error.filename or error.filename2} is in its way.",
                hint="Move it away and try again.",
                reason="file_in_the_way",
            ) from None


def _in_parts(sizes: Mapping[str, int], most: int) -> list[list[str]]:
    """Paths in their order, in parts of about ``most`` bytes."""
    parts: list[list[str]] = []
    held = most
    for path, size in sizes.items():
        if held + size > most:
            parts.append([])
            held = 0
        parts[-1].append(path)
        held += size
    return parts


def _with_others(files: Path, over: Path | None) -> list[tuple[str, str, bytes]]:
    """The contents of a folder, with those of another in place of files of the same names."""
    found = {one[0]: one for one in contents_of(files)}
    return list((found | ({one[0]: one for one in contents_of(over)} if over else {})).values())


def _read_or_link(folder: int, name: str) -> tuple[bytes, os.stat_result]:
    """A regular file's bytes, or where a link leads, and its status. OSError for anything else."""
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        return os.fsencode(os.readlink(name, dir_fd=folder)), status
    return read_at(folder, name, LARGEST)


def _compared(path: str, before: bytes | None, after: bytes | None) -> FileChange:
    change: Change = "created" if before is None else "deleted" if after is None else "modified"
    try:
        if is_binary(before or b"") or is_binary(after or b""):
            return FileChange(path, change, 0, 0)
        return FileChange(path, change, *changed_lines((before or b"").decode(), (after or b"").decode()))
    except UnicodeDecodeError:
        return FileChange(path, change, 0, 0)


def _changed(path: str) -> Conflict:
    return Conflict(
        f"{path} was changed by someone else at the same moment. It was left as it is.",
        hint="Read it again and redo the change.",
        reason="file_changed",
    )


RIGHTS = (errno.EACCES, errno.EPERM, errno.EROFS)


def _refused(path: str, done: str, error: OSError, folder: Path) -> Conflict | Unavailable:
    """Why the file system does not let a file be written, deleted or moved, and what helps."""
    if error.errno in FULL:
        return of_the_disk(error, folder)
    hint = "Choose another path, or look at it with a command: ls -la."
    if error.errno in RIGHTS:
        hint = "Look at the rights of the file and its folder with a command (ls -la), and change them (chmod)."
    return Conflict(f"{path} cannot be {done}: {error.strerror or error}.", hint=hint)


def _missing(path: str) -> NotFound:
    hint = "list_files shows what there is."
    if "node_modules" in path.split("/"):
        hint = "Installed packages are seen by commands only, e.g. run_command: cat " + path
    return NotFound(f"There is no file {path}.", hint=hint, reason="no_such_file", field="path")
