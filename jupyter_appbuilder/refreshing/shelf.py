"""Plans and runs, by session.

    <data>/refreshes/<session>/
        plan.json       replaced whole
        runs/<n>.json   the newest ``KEPT``
        .lock           held while one runs

A run that says it is running while nobody holds the lock was interrupted: its process ended in the middle.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from ..errors import Conflict, InvalidInput, NotFound, Unavailable, of_the_disk
from ..formats import strict_json
from ..settings import private_folder, write_settings
from ..workspace.folder import remove_folder
from .base import MEMORY, SECONDS, CellRun, Plan, Run
from .schedule import last_due

KEPT = 20
LOOKS = 10
LARGEST = 1024 * 1024
SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be run, and until when that takes care of the plan."""

    session: str
    at: datetime


class Refreshes:
    """Of a data folder, for all its processes. Every method may block; raises ``Unavailable`` where the disk refuses,
    or a file there is damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # Plans

    def plan(self, session: str) -> Plan | None:
        from cronsim import CronSimError

        told = _read(self._of(session) / "plan.json")
        if told is None:
            return None
        try:
            plan = Plan(
                **{name: told[name] for name in ("cron", "zone", "notebook", "target", "set_at", "handled")},
                paused=bool(told["paused"]),
                promise=told["promise"],
                seconds=int(told.get("seconds", SECONDS)),
                memory=int(told.get("memory", MEMORY)),
                datasets=tuple(told.get("datasets", ())),
            )
            # Of another machine's zones, or written by hand: what cannot be used is named here, once.
            last_due(plan.cron, plan.zone, datetime.fromisoformat(plan.handled), now())
        except (KeyError, TypeError, ValueError, CronSimError):
            raise _damaged(self._of(session) / "plan.json") from None
        return plan

    def promised(self, session: str, target: str) -> int | None:
        """How old data at a target may get, in seconds, as a manifest says it: 0 where nothing is promised, None
        where they are not refreshed, or nobody can read how."""
        try:
            plan = self.plan(session)
        except Unavailable:
            return None
        return (plan.promise or 0) if plan and plan.target == target else None

    def keep(self, session: str, plan: Plan) -> None:
        with _disk(self.folder):
            private_folder(self.folder)
            self._of(session).mkdir(mode=0o700, exist_ok=True)
            write_settings(self._of(session) / "plan.json", asdict(plan))

    def drop(self, session: str) -> bool:
        """Take the plan away; runs stay. Whether there was one."""
        with _disk(self.folder):
            try:
                (self._of(session) / "plan.json").unlink()
            except FileNotFoundError:
                return False
            return True

    def forget(self, session: str) -> None:
        """The session is deleted."""
        with _disk(self.folder):
            remove_folder(self._of(session))

    def sessions(self) -> list[str]:
        """Those that have a plan."""
        with _disk(self.folder):
            if not self.folder.is_dir():
                return []
            names = [one.name for one in self.folder.iterdir() if SESSION.fullmatch(one.name)]
            return sorted(name for name in names if (self.folder / name / "plan.json").is_file())

    def due(self, session: str, now: datetime) -> Due | None:
        """What a plan has missed, once, however much that is; and a run that was interrupted, once more."""
        plan = self.plan(session)
        if plan is None or plan.paused:
            return None
        # After a clock that was ahead is set back, what was handled "in the future" would hold everything up.
        handled = min(datetime.fromisoformat(plan.handled), now)
        if at := last_due(plan.cron, plan.zone, handled, now):
            return Due(session, at)
        last, *earlier = [*self.runs(session), None]
        if last is None or (last.by, last.state) != ("schedule", "interrupted") or last.began < plan.set_at:
            return None
        before = next((one for one in earlier if one and one.by == "schedule"), None)
        return None if before and before.state == "interrupted" else Due(session, handled)

    # Runs

    def runs(self, session: str) -> list[Run]:
        """The newest first. One that cannot be read is left out."""
        found: list[Run] = []
        for number in sorted(self._numbers(session), reverse=True):
            with contextlib.suppress(NotFound, Unavailable):
                found.append(self.run(session, number))
        return found

    def run(self, session: str, number: int) -> Run:
        """Raises ``NotFound``."""
        path = self._of(session) / "runs" / f"{int(number)}.json"
        told = _read(path)
        if told is None:
            raise NotFound(f"Run {number} is not kept.", hint=f"The newest {KEPT} are.", reason="no_run")
        try:
            cells = [CellRun(**cell) for cell in told.pop("cells")]
            run = Run(**told, cells=cells)
        except (KeyError, TypeError):
            raise _damaged(path) from None
        if run.state == "running" and not self.runs_now(session):
            return replace(
                run,
                state="interrupted",
                message="The process that ran it ended in the middle.",
                hint="Readers have what they had. Run it again.",
                reason="interrupted",
            )
        return run

    def begin(self, session: str, run: Run) -> Run:
        """Write a new run down, with the next number. While ``running``."""
        number = max(self._numbers(session), default=0) + 1
        begun = replace(run, number=number)
        self.write(session, begun)
        for old in sorted(self._numbers(session))[:-KEPT]:
            (self._of(session) / "runs" / f"{old}.json").unlink(missing_ok=True)
        return begun

    def write(self, session: str, run: Run) -> None:
        with _disk(self.folder):
            write_settings(self._of(session) / "runs" / f"{run.number}.json", asdict(run))

    @contextlib.contextmanager
    def running(self, session: str) -> Generator[None]:
        """While a run is on its way. Raises ``Conflict`` where one is already, in whatever process."""
        with _disk(self.folder):
            private_folder(self.folder)
            self._of(session).mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self._of(session) / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            for left in range(LOOKS, -1, -1):
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not left:
                        raise Conflict(
                            "The data are being refreshed already.",
                            hint="Wait for it, or stop it.",
                            reason="refreshing",
                        ) from None
                    time.sleep(0.02)  # somebody may only be asking whether it runs
            yield
        finally:
            os.close(descriptor)

    def runs_now(self, session: str) -> bool:
        """Whether any process is at it."""
        try:
            descriptor = os.open(self._of(session) / ".lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _numbers(self, session: str) -> list[int]:
        folder = self._of(session) / "runs"
        with _disk(self.folder):
            names = [one.name for one in folder.iterdir()] if folder.is_dir() else []
        return [int(name[:-5]) for name in names if re.fullmatch(r"[1-9][0-9]{0,8}\.json", name)]

    def _of(self, session: str) -> Path:
        if not SESSION.fullmatch(session):
            raise InvalidInput("That is no session's id.", hint="See the list of apps.", field="session")
        return self.folder / session


def now() -> datetime:
    return datetime.now(UTC)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise of_the_disk(error, path.parent) from None
    try:
        told = strict_json.parsed(content)
    except ValueError:
        raise _damaged(path) from None
    if len(content) > LARGEST or not isinstance(told, Mapping):
        raise _damaged(path)
    return dict(cast("Mapping[str, Any]", told))


def _damaged(path: Path) -> Unavailable:
    return Unavailable(f"{path} is damaged.", hint="Remove it, and set the schedule again.", reason="damaged")


@contextlib.contextmanager
def _disk(folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise of_the_disk(error, folder) from None
