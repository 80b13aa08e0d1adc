"""Programs that targets run: their lines told while they work, without secrets; none outlives who waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...cancellation import uncut
from ...errors import Unavailable
from ..base import Tell

LONGEST = 2000  # characters of a line
MOST_LINES = 5000
KEPT = 50  # lines that an error is read from

HANDED_ON = ("PATH", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    lines: Sequence[str]
    """The last ones that it said of errors."""

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def environment(home: Path) -> dict[str, str]:
    """For a program that reads nobody's configuration and no token of this server's."""
    names = [*HANDED_ON, *PROXIES, *(name.lower() for name in PROXIES)]
    return {name: os.environ[name] for name in names if name in os.environ} | {"HOME": str(home)}


def plain(line: str) -> str:
    """A line as a log may show it."""
    return TERMINAL.sub("", line).rstrip()[:LONGEST]


async def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    mask: Callable[[str], str],
    seconds: float,
    tell: Tell | None = None,
    take: Callable[[str], None] | None = None,
    given: bytes = b"",
    what: str,
) -> Ran:
    """Run ``command`` with ``given`` as its input. ``take`` gets each whole line of its output, ``tell`` each line that
    it says of errors, both masked. It is ended with all that it started when who waits is cancelled or out of time."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(env),
        cwd=cwd,
        start_new_session=True,
    )
    source, output, errors = process.stdin, process.stdout, process.stderr
    assert source is not None
    assert output is not None
    assert errors is not None
    kept: deque[str] = deque(maxlen=KEPT)
    told = 0

    async def send() -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            source.write(given)
            await source.drain()
        source.close()

    def said(line: str) -> None:
        nonlocal told
        line = plain(mask(line))
        if not line:
            return
        kept.append(line)
        told += 1
        if tell and told <= MOST_LINES:
            tell(line)

    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(send(), _lines(output, take or (lambda line: None)), _lines(errors, said))
            await process.wait()
    except BaseException as error:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await uncut(process.wait())
        if isinstance(error, TimeoutError):
            raise Unavailable(
                f"{what} did not end within {int(seconds // 60)} minutes.",
                hint="Try again; the release that was there before still is.",
                reason="timed_out",
            ) from None
        raise
    return Ran(process.returncode or 0, tuple(kept))


async def _lines(stream: asyncio.StreamReader, take: Callable[[str], None]) -> None:
    """Hand on each line, also one that a progress bar writes over; of a line without end, its beginning."""
    held = bytearray()
    longest = 1024 * 1024
    while piece := await stream.read(65536):
        held += piece
        *whole, rest = re.split(rb"[\r\n]+", bytes(held))
        for line in whole:
            take(line.decode(errors="replace"))
        held = bytearray(rest[:longest])
    if held:
        take(held.decode(errors="replace"))
