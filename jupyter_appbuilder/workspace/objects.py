"""Git objects, hashed and stored without a git process: blobs, trees and commits as loose objects."""

from __future__ import annotations

import hashlib
import os
import secrets
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

FILE, EXECUTABLE, LINK = "100644", "100755", "120000"
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


class Store(Protocol):
    def put(self, kind: str, content: bytes) -> str:
        """Keep an object and return its hash."""
        ...


class HashOnly:
    """A store that keeps nothing: for the hash alone."""

    def put(self, kind: str, content: bytes) -> str:
        return object_hash(kind, content)


class LooseStore:
    """The object folder of a repository."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._present: set[str] = set()

    def put(self, kind: str, content: bytes) -> str:
        name = object_hash(kind, content)
        if name in self._present:
            return name
        path = self._folder / name[:2] / name[2:]
        if path.exists():
            with suppress(OSError):
                os.utime(path)  # what is written anew is not pruned as old
        else:
            path.parent.mkdir(exist_ok=True)
            temporary = path.with_name(f"tmp_obj_{secrets.token_hex(6)}")  # the name git's own clean-up knows
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(zlib.compress(b"%s %d\0" % (kind.encode(), len(content)) + content, 1))
                os.replace(temporary, path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        self._present.add(name)
        return name

    def forget(self) -> None:
        """Objects were packed, or pruned."""
        self._present.clear()


def object_hash(kind: str, content: bytes) -> str:
    digest = hashlib.sha1(b"%s %d\0" % (kind.encode(), len(content)), usedforsecurity=False)
    digest.update(content)
    return digest.hexdigest()


def put_tree(store: Store, files: Mapping[str, tuple[str, str]]) -> str:
    """Store the trees for ``files`` (path -> mode, blob hash) and return the hash of the topmost."""
    folders: dict[str, dict[str, tuple[str, str]]] = {"": {}}
    for path, entry in files.items():
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, {})[name] = entry
        while folder and (parent := folder.rpartition("/")[0]) not in folders:
            folders[parent] = {}
            folder = parent
    # Deepest first, so that each folder's hash is there when its parent is written.
    for folder in sorted(folders, key=lambda path: path.count("/") if path else -1, reverse=True):
        tree = store.put("tree", _tree_content(folders[folder]))
        if not folder:
            return tree
        parent, _, name = folder.rpartition("/")
        folders[parent][name] = ("40000", tree)
    raise AssertionError("the root folder comes last")


def _tree_content(entries: Mapping[str, tuple[str, str]]) -> bytes:
    # Git sorts a folder as if its name ended in a slash.
    ordered = sorted(entries.items(), key=lambda item: item[0].encode() + (b"/" if item[1][0] == "40000" else b""))
    return b"".join(b"%s %s\0%s" % (mode.encode(), name.encode(), bytes.fromhex(key)) for name, (mode, key) in ordered)
