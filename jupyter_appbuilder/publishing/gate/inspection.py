"""The gate: what of a release readers should perhaps not get."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from typing import Any

from ...cancellation import uncut
from ..base import GateFinding, Release
from .base import Bounds, Found, together
from .look import Job

TRIES = 4
"""How many files may end the process that looks, before the rest is left."""

LONGEST_LINE = 64 << 20  # bytes: all findings are one

INHERITED = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "PYTHONPATH", "VIRTUAL_ENV")


async def inspect(release: Release, *, bounds: Bounds | None = None) -> list[GateFinding]:
    """All that was found in what is about to be published; what could not be looked at is a finding of its own.

    Takes any content: raises nothing for what stands in the files. Whoever cancels it ends the process that looks.
    """
    bounds = bounds or Bounds()
    job = asdict(
        Job(
            bundle=str(release.bundle.content),
            files=str(release.files),
            static=release.bundle.manifest["kind"] == "static",
            private=list(release.private),
            datasets={name: str(path) for name, path in release.datasets.items()},
            history=str(release.history) if release.history else "",
            secrets=dict(release.secrets),
            hosts=list(release.hosts),
            axe=[dict(one) for one in release.axe],
            bounds=asdict(bounds),
        )
    )
    ends = asyncio.get_running_loop().time() + bounds.seconds
    for _ in range(TRIES):
        looked = await _look(job, ends - asyncio.get_running_loop().time())
        if looked.findings is not None:
            return looked.findings
        if not looked.at or looked.late:
            return [_left(looked.at, looked.why)]
        job["skip"] = {**job["skip"], looked.at: looked.why}
    return [_left("", f"{TRIES} files ended the process that looks at them")]


@dataclass(frozen=True, slots=True)
class _Looked:
    findings: list[GateFinding] | None
    at: str = ""  # the file at which it ended
    why: str = ""
    late: bool = False


async def _look(job: dict[str, Any], seconds: float) -> _Looked:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # what lies in Jupyter's folder is not imported
        "-m",
        __package__ or "",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=LONGEST_LINE,
        env={name: os.environ[name] for name in INHERITED if name in os.environ},
        start_new_session=True,  # Ctrl+C in Jupyter's terminal is for Jupyter
    )
    at, late = "", False
    try:
        async with asyncio.timeout(max(seconds, 1)):
            assert process.stdin
            assert process.stdout
            with contextlib.suppress(ConnectionError):  # it ended before it had read all: how is seen below
                process.stdin.write(json.dumps(job).encode())
                await process.stdin.drain()
                process.stdin.close()
            while line := await process.stdout.readline():
                said: dict[str, Any] = json.loads(line)
                if "findings" in said:
                    return _Looked([GateFinding(**one) for one in said["findings"]])
                at = str(said["at"])
    except TimeoutError:
        late = True
    except ValueError:  # a line that was cut off
        pass
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await uncut(process.wait())
    why = "the look at it took too long" if late else "the look at it ended the process that looks"
    return _Looked(None, at, why, late)


def _left(at: str, why: str) -> GateFinding:
    return together(
        [
            Found(
                "not_looked_at",
                "ended",
                f"The look at what is published ended before it was done: {why}.",
                path=at,
                where="bundle",
                hint="See for yourself whether it may be published, or leave that file out of the app.",
                key="ended",
                fixable=False,
            )
        ]
    )[0]
