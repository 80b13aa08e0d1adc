"""Earlier versions that go along with an app: what was taken out of its files still stands there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from ...workspace.git import Git, GitError
from .files import Content, Left

BATCH = 8 << 20  # bytes
MOST_OBJECTS = 100_000
MOST_MESSAGES = 4 << 20  # bytes


async def earlier(repository: Path, left: Left, known: set[str]) -> AsyncIterator[Content]:
    """Each content of a version that is not there any more (``known``: git's hashes of what is), and what was said of
    the versions. ``repository``: a git directory; git reads nothing but its objects."""
    git = Git(repository.parent)
    try:
        listed = (await git.run("rev-list", "--objects", "--all")).decode("utf-8", "replace").split("\n")
        if len(listed) > MOST_OBJECTS:
            left.leave(str(repository.name), f"of its history only {MOST_OBJECTS:,} objects were looked at")
            listed = listed[:MOST_OBJECTS]
        paths = {key: path for key, _, path in (line.partition(" ") for line in listed) if path and key not in known}
        sizes = await _sizes(git, list(paths))
        room, held = left.bounds.history, 0
        batch: list[str] = []
        for key, size in sizes.items():
            if size > left.bounds.file:
                left.leave(paths[key], f"in an earlier version it is larger than {left.bounds.file >> 20} MB")
                continue
            if size > room:
                left.leave(paths[key], f"all earlier versions are more than {left.bounds.history >> 20} MB")
                continue
            room -= size
            batch.append(key)
            held += size
            if held >= BATCH:
                for one in await _contents(git, batch, paths):
                    yield one
                batch, held = [], 0
        for one in await _contents(git, batch, paths):
            yield one
        messages = await git.run("log", "--all", "-z", "--format=%h%n%B")
        if len(messages) > MOST_MESSAGES:
            left.leave("the versions' titles", f"they are more than {MOST_MESSAGES >> 20} MB")
        for message in messages[:MOST_MESSAGES].split(b"\0"):
            commit, _, text = message.partition(b"\n")
            if text.strip():
                yield Content(f"version {commit.decode()[:12]}", "history", text)
    except (GitError, OSError, ValueError) as error:
        left.leave(repository.name, f"its history cannot be read: {str(error)[:100]}")


async def _sizes(git: Git, keys: list[str]) -> dict[str, int]:
    if not keys:
        return {}
    output = await git.run("cat-file", "--batch-check", stdin="".join(key + "\n" for key in keys).encode())
    sizes: dict[str, int] = {}
    for line in output.decode("utf-8", "replace").split("\n"):
        key, _, rest = line.partition(" ")
        kind, _, size = rest.partition(" ")
        if kind == "blob" and size.isdigit():
            sizes[key] = int(size)
    return sizes


async def _contents(git: Git, keys: list[str], paths: dict[str, str]) -> list[Content]:
    if not keys:
        return []
    output = await git.run("cat-file", "--batch", stdin="".join(key + "\n" for key in keys).encode())
    found: list[Content] = []
    position = 0
    while position < len(output):
        end = output.index(b"\n", position)
        key, _, size = output[position:end].decode().split(" ")
        position = end + 1 + int(size) + 1
        found.append(Content(paths[key], "history", output[end + 1 : position - 1], blob=key))
    return found


async def version_of(repository: Path, blob: str) -> str:
    """The first version that a content stands in, as people name it; "" where that is not known."""
    try:
        found = await Git(repository.parent).text("log", "--all", "--format=%h", f"--find-object={blob}")
    except GitError:
        return ""
    return found.rpartition("\n")[2]
