"""Runs the template's checker in the background of a turn and adds new problems to the agent's next result.

The checker is a command of the template that runs once and ends (``diagnostics.command``), in the session's sandbox,
some moments after the last change. One that watches would answer sooner, but a TypeScript that watches keeps 420 to
710 MiB all the time, of the 2 GiB that an app has; one that begins anew from its last state needs half a second to
three.

Nothing waits for it. A finding that is there when a call of the agent ends is added to that call's result, where the
log keeps it; all else here can be thrown away. Problems that were there before the turn are not told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import AppBuilderError
from ..turns.requests import start_of
from .base import ToolResult
from .commands import printed, succeeded
from .problems import News, Problem, by_key, read_problems

if TYPE_CHECKING:
    from ..events import Event
    from ..sandbox.base import Sandbox

QUIET_SECONDS = 0.25  # without a change, before the checker starts: the writes of one answer follow each other
LONGEST_RUN = 60  # seconds; a checker that takes longer is left alone for the rest of the turn

POLITELY = '{ echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null; exec nice -n 10 "$@"'
"""The app goes first: where memory or processors are short it is the checker that waits or is ended."""

Key = tuple[str, str, str]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one run of the checker, on the files as they were after event ``at``."""

    problems: Sequence[Problem]
    at: int


class Diagnostics:
    """Checks one session's app while its agent works. ``find_command`` tells the checker, empty for none; it is asked
    once a turn.

    ``events`` gives the session's log: what changed, and what the agent was told already, is found there.
    """

    def __init__(
        self,
        find_command: Callable[[], Sequence[str]],
        sandbox: Callable[[], Awaitable[Sandbox]],
        events: Callable[[], Sequence[Event]],
    ) -> None:
        self._find_command = find_command
        self._command: Sequence[str] = ()
        self._sandbox = sandbox
        self._events = events
        self._turn: str | None = None
        self._on = False
        self._since = 0  # the last event before the turn changed anything
        self._before: frozenset[Key] | None = None  # what was wrong before the turn; None until that is known
        self._told: set[Key] = set()
        self._finding: Finding | None = None
        self._heard: Finding | None = None  # the last finding that was told, or had nothing to tell
        self._dirty = False
        self._nudged = 0.0
        self._work: asyncio.Task[None] | None = None

    def begin_call(self, turn: str | None) -> None:
        """A call of the agent begins: with a turn's first one it is settled what was wrong before."""
        if turn is None or turn == self._turn:
            return
        events = self._events()
        self._command = self._find_command()
        started = start_of(events, turn)
        self._turn, self._told, self._since = turn, _told(events, turn), started.seq if started else 0
        self._heard = self._finding
        self._on = bool(self._command) and _is_watched(events, turn)
        self._before = self._known_before(events)
        if self._on and self._before is None:
            self._start()

    def changed(self) -> None:
        """Files have changed, and the log says so."""
        if self._on:
            self._nudged = asyncio.get_running_loop().time()
            self._start()

    def add_news(self, result: ToolResult) -> ToolResult:
        """``result`` with what was found since the last time, if anything."""
        if not self._on or self._before is None or self._finding is None or self._finding is self._heard:
            return result
        finding = self._heard = self._finding
        stale = _changed_since(self._events(), finding.at)
        there = by_key(finding.problems)
        now = {key: problem for key, problem in there.items() if key[0] not in stale}
        new = [problem for key, problem in now.items() if key not in self._told and key not in self._before]
        gone = {key for key in self._told if key not in there and key[0] not in stale}
        self._told = (self._told - gone) | {problem.key for problem in new}
        news = News(new, len(gone), len(self._told) - len(new))
        if not (text := news.text()):
            return result
        added = f"\n\n{text}"
        return replace(
            result, text=result.text + added, detail=result.detail | {"diagnostics": news.detail(len(added))}
        )

    def learn_check(self, output: str, *, ok: bool) -> None:
        """The agent was shown the output of the template's whole check: nothing of it has to be told again."""
        if ok:
            self._told.clear()
        else:
            self._told |= by_key(read_problems(output)).keys()

    async def idle(self) -> None:
        """Wait until everything that changed so far has been looked at."""
        while self._work is not None and not self._work.done():
            await asyncio.wait([self._work])

    def stop(self) -> None:
        """End what runs. The next change starts it again."""
        self._dirty = False
        if self._work is not None:
            self._work.cancel()

    def _known_before(self, events: Sequence[Event]) -> frozenset[Key] | None:
        """What was wrong before the turn, as far as that is known without looking."""
        if self._finding is not None and not _changed_since(events, self._finding.at):
            return frozenset(by_key(self._finding.problems))
        return None if _changed_since(events, 0) else frozenset()  # a template comes without problems

    def _start(self) -> None:
        self._dirty = True
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._check_until_clean())

    async def _check_until_clean(self) -> None:
        while self._dirty and self._on:
            await self._wait_for_quiet()
            self._dirty = False
            events = self._events()
            at = events[-1].seq if events else 0
            problems = await self._check()
            if problems is None:
                continue
            self._finding = Finding(problems, at)
            if self._before is None:
                # What is wrong in a file that the turn has changed meanwhile counts as the turn's.
                touched = _changed_since(self._events(), self._since)
                self._before = frozenset(key for key in by_key(problems) if key[0] not in touched)

    async def _wait_for_quiet(self) -> None:
        loop, nudged = asyncio.get_running_loop(), None
        while nudged != self._nudged:
            nudged = self._nudged
            await asyncio.sleep(nudged + QUIET_SECONDS - loop.time())

    async def _check(self) -> list[Problem] | None:
        """What the checker finds now; None when it could not tell."""
        try:
            sandbox = await self._sandbox()
            command = ["bash", "-c", POLITELY, "diagnostics", *self._command]
            result = await sandbox.exec(command, timeout=LONGEST_RUN)
        except (AppBuilderError, OSError) as error:
            log.debug("The checker could not run: %s", error)
            return None
        problems = await asyncio.to_thread(read_problems, f"{result.stdout}\n{result.stderr}")
        if problems or succeeded(result):
            return problems
        if result.ended != "exit":
            self._on = False  # check_app says it, at the end
        log.debug("The checker ended with %s: %s", result.exit_code, printed(result)[-500:])
        return None


def _is_watched(events: Sequence[Event], turn: str) -> bool:
    """True if the turn has somebody who reads results, and may change files."""
    for event in reversed(events):
        if event.type == "response.completed" and event.data["turn"] == turn and event.data["recorded"]:
            return False
        if event.type == "turn.started" and event.data["turn"] == turn:
            return event.data.get("mode", "build") == "build"
    return True


def _changed_since(events: Sequence[Event], seq: int) -> set[str]:
    """The files that changed after an event; after a restore, any may have."""
    changed: set[str] = set()
    for event in reversed(events):
        if event.seq <= seq:
            break
        if event.type == "file.changed":
            changed.add(event.data["path"])
        elif event.type in ("session.restored", "turn.dropped"):
            changed.add("")
    return changed


def _told(events: Sequence[Event], turn: str) -> set[Key]:
    """What the agent was told in this turn and was not told to be gone, by an earlier process too."""
    told: set[Key] = set()
    for event in events:
        if event.type == "tool.finished" and event.data["turn"] == turn:
            news = event.data["detail"].get("diagnostics")
            if news:
                if news["gone"] and not news["remaining"]:
                    told.clear()
                told |= {(problem["path"], problem["code"], problem["message"]) for problem in news["problems"]}
    return told
