"""Publishing from Python and the terminal: start, tell how it goes, and say what was found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..cancellation import ended
from ..errors import Conflict, InvalidInput
from ..events import PublishingFinding, PublishingStatus

if TYPE_CHECKING:
    from ..session import Session
    from ..workspace import Checkpoint

MARK = 200
"""Characters that tell a place in the log."""


@dataclass(frozen=True, slots=True)
class Released:
    """What readers get now. ``version``: the checkpoint it was made of, ``newer`` how many the app has since.
    ``url`` is below the Jupyter server's own where it has no scheme; ``note`` says what is left to be done at the
    target; ``file``: an archive to take away."""

    target: str
    name: str
    number: int
    url: str
    note: str = ""
    file: Path | None = None
    version: str = ""
    newer: int = 0


class Unaccepted(Conflict):
    """Something was found that readers should perhaps not get; ``findings`` says what."""

    default_reason = "findings"

    def __init__(self, findings: list[PublishingFinding]) -> None:
        lines = [described(one) for one in findings if one["accepted"] is None]
        hard = [one for one in findings if one["hard"]]
        super().__init__(
            "It was not published: " + ("\n".join(["", *lines]) if len(lines) != 1 else lines[0]),
            hint="Have it fixed."
            if hard
            else "Have it fixed, or publish it anyway with a reason for each: accept={ID: REASON} "
            '(in a terminal, and with %appbuilder publish, --accept "ID=REASON").',
        )
        self.findings = findings


def described(finding: PublishingFinding) -> str:
    """A finding in a line, for people."""
    place = finding["path"] and f" ({finding['path']}{':' + str(finding['line']) if finding['line'] else ''})"
    more = " An administrator decided that this is never published." if finding["hard"] else ""
    return f"{finding['id']}: {finding['message']}{place}{more}"


async def publish(
    session: Session,
    target: str,
    *,
    name: str = "",
    version: str = "",
    settings: Mapping[str, str] | None = None,
    accept: Mapping[str, str] | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> Released:
    """Publish, to its end. Raises ``Unaccepted`` where something waits for a reason; cancelling stops it."""
    await session.ready()
    checkpoint = version_of(await session.checkpoints(), version).id if version else ""
    telling = asyncio.ensure_future(_tell(session, on_progress)) if on_progress else None
    try:
        await session.publish(target, name=name, checkpoint=checkpoint, settings=settings, accepted=accept)
        status = await session.publishing.finished()
        assert status is not None
        if status["state"] == "waiting":
            raise Unaccepted(list(status["findings"]))
    finally:
        await session.cancel_publishing()
        if telling:
            await ended([telling])
    return await _released(session, status)


async def _released(session: Session, status: PublishingStatus) -> Released:
    if status["state"] != "done":
        raise Conflict(
            status["message"] or "It was stopped.", hint=status["hint"] or "Publish again.", reason="not_published"
        )
    number = status["number"] or 0
    file = await session.publishing.file(status["target"], number) if status["file"] else None
    version = status["checkpoint"]
    newer = next((place for place, one in enumerate(await session.checkpoints()) if one.id == version), 0)
    return Released(status["target"], status["name"], number, status["url"], status["note"], file, version, newer)


def newer(release: Released) -> str:
    """That it is not the newest version; "" if it is."""
    if not release.newer:
        return ""
    count = "one newer version" if release.newer == 1 else f"{release.newer} newer versions"
    return (
        f"It is version {release.version[:8]}; the app has {count}. "
        "Where none is named, the newest whose check passed is published."
    )


async def _tell(session: Session, say: Callable[[str], None]) -> None:
    """Say each step and line of the log, as it comes."""
    said: set[tuple[str, str]] = set()
    log = ""
    async for message in session.watch(session.summary.last_seq):
        if message["kind"] != "live" or message["type"] != "publishing":
            continue
        status = message["data"]
        now = status["log"]
        end = log[-MARK:]
        fresh = now[len(log) :] if now.startswith(log) else now[max(0, now.rfind(end) + len(end)) :]
        log = now
        for line in fresh.splitlines():
            say(line)
        for step in status["steps"]:
            if step["message"] and (told := (step["step"], step["message"])) not in said:
                said.add(told)
                say(f"{step['message']} …" if step["state"] == "running" else step["message"])


def version_of(versions: list[Checkpoint], word: str) -> Checkpoint:
    """The version of that tree, id or name, or whose id begins so. Raises ``InvalidInput``."""
    named = [version for version in versions if version.name and version.name.casefold() == word.casefold()]
    known = [version for version in versions if word in (version.tree, version.id) or version.id.startswith(word)]
    if found := [*named, *known]:
        return found[0]
    raise InvalidInput(f"No version has the tree, id or name {word[:80]}.", hint="See app.checkpoints.")


def pairs(text: str, what: str, written: str = "NAME=VALUE") -> dict[str, str]:
    """``NAME=VALUE`` of each line. Raises ``InvalidInput``."""
    found: dict[str, str] = {}
    for line in filter(str.strip, text.splitlines()):
        name, separator, value = line.partition("=")
        if not separator or not name.strip():
            raise InvalidInput(f"{line.strip()[:80]!r} is no {what}.", hint=f"Write {written}.")
        found[name.strip()] = value.strip()
    return found
