"""The gate's look at a release, in a process of its own: files that are made to take all time or memory, or to crash
what reads them, end this process alone. Its caller is told which file that was, and has the rest looked at."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..base import GateFinding
from .base import Bounds, Found, together
from .files import Content, Left, walk
from .functions import find_open
from .history import earlier, version_of
from .hosts import find_hosts, seen_hosts
from .secrets import Values, find_secrets
from .source_maps import find_maps, inlined
from .tables import Private, find_personal

SERVED = re.compile(r"(?:\A|/)(?:dist|build|out|public|static|client|assets|site|www)/")
"""Folders of what readers' browsers get, in an app that has a server."""

NOT_SERVED = re.compile(r"(?:\A|/)(?:functions|server|api|ssr)/")
"""Folders of what the server alone reads, also within these."""

MOST_VERSIONS = 50
"""Findings of the history for which git is asked in which version they came."""

NOT_MENDED = (
    "Publish without the history, or have it replaced: what was taken out of the files is in their versions still."
)

SOURCE_FILES = (".py", ".ts", ".tsx", ".js", ".mjs", ".jsx", ".sql", ".json")
LARGEST_SOURCE = 1 << 20


@dataclass(frozen=True, slots=True)
class Job:
    """What is looked at, as data: it comes over a pipe. ``skip``: files that ended a look."""

    bundle: str
    files: str
    static: bool
    private: Sequence[str] = ()
    datasets: Mapping[str, str] = field(default_factory=dict[str, str])
    history: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    hosts: Sequence[str] = ()
    axe: Sequence[Mapping[str, Any]] = ()
    skip: Mapping[str, str] = field(default_factory=dict[str, str])
    bounds: Mapping[str, Any] = field(default_factory=dict[str, Any])


Tell = Callable[[str], None]
"""Told the path of each file before it is looked at."""


def look(job: Job, tell: Tell) -> list[GateFinding]:
    """All findings, one for each thing."""
    left = Left.of(Bounds(**job.bounds))
    values = Values(job.secrets)
    private = _private(job)
    found: list[Found] = []
    known: set[str] = set()
    sources: list[Content] = []
    for content in _contents(job, left):
        if content.path in job.skip:
            left.leave(content.path, job.skip[content.path])
            continue
        tell(content.path)
        # What is said of one file is found in full before it counts: a look that goes wrong leaves the others.
        found += _of_file(content, job, values, private, left)
        if content.where == "app":
            known.add(hashlib.sha1(b"blob %d\0" % len(content.data) + content.data, usedforsecurity=False).hexdigest())
            if content.suffix in SOURCE_FILES and len(content.data) <= LARGEST_SOURCE:
                sources.append(content)
    tell("")
    found += find_open(sources)
    found += seen_hosts(job.hosts)
    found += _accessibility(job.axe)
    if job.history:
        found += asyncio.run(_history(job, values, private, left, known, tell))
    return together([*found, *left.found()])


def _contents(job: Job, left: Left) -> Iterator[Content]:
    for root, where in ((job.files, "app"), (job.bundle, "bundle")):
        if root:
            try:
                yield from walk(Path(root), "app" if where == "app" else "bundle", left)
            except Exception as error:  # the folder itself is gone
                left.leave(root, str(error))


def _of_file(content: Content, job: Job, values: Values, private: Private, left: Left) -> list[Found]:
    found: list[Found] = []
    parts: Sequence[Callable[[Content], Iterator[Found]]] = (
        lambda one: iter(find_secrets(one, values)),
        lambda one: find_personal(one, private, left),
        find_hosts,
    )
    served = content.where == "bundle" and (
        job.static or bool(SERVED.search(content.path) and not NOT_SERVED.search(content.path))
    )
    for part in (*parts, *([find_maps] if served else [])):
        try:
            found += part(content)
        except MemoryError:
            left.leave(content.path, "it takes more memory than there is for it")
        except RecursionError:
            left.leave(content.path, "it nests too deep")
        except Exception as error:
            left.leave(content.path, f"the look at it failed: {type(error).__name__}")
    if served and (inside := inlined(content)) is not None:
        found += find_secrets(inside, values)
    return found


async def _history(job: Job, values: Values, private: Private, left: Left, known: set[str], tell: Tell) -> list[Found]:
    repository = Path(job.history)
    found: list[Found] = []
    asked = 0
    async for content in earlier(repository, left, known):
        name = f"history:{content.path}"
        if name in job.skip:
            left.leave(content.path, job.skip[name])
            continue
        tell(name)
        new: list[Found] = []
        with contextlib.suppress(Exception):
            new += find_secrets(content, values)
            new += find_personal(content, private, left)
        version = ""
        if new and content.blob and asked < MOST_VERSIONS:
            asked += 1
            version = await version_of(repository, content.blob)
        of = f" of {version}" if version else ""
        for one in new:
            message = f"In an earlier version{of}, which goes along: {one.message}" if content.blob else one.message
            found.append(replace(one, where="history", message=message, hint=NOT_MENDED, fixable=False))
    return found


def _private(job: Job) -> Private:
    contents: dict[tuple[int, str], str] = {}
    for name in job.private:
        if path := job.datasets.get(name):
            with contextlib.suppress(OSError), open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                contents[file.tell(), digest] = name
    return Private(frozenset(name.lower() for name in job.private), contents)


def _accessibility(findings: Sequence[Mapping[str, Any]]) -> Iterator[Found]:
    for finding in findings:
        message = str(finding.get("message") or finding.get("help") or "")[:1000]
        if not message:
            continue
        file, _, rest = str(finding.get("source") or "").partition(":")
        line = rest.partition(":")[0]
        yield Found(
            "accessibility",
            "axe",
            message,
            path=file,
            line=int(line) if line.isdigit() and len(line) < 9 else None,
            where="page",
            hint="Have it mended: people who cannot see, or use a mouse, meet it.",
            severity="medium",
            key=re.sub(r"\d+", "#", message)[:300],
        )
