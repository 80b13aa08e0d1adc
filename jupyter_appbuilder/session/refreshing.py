"""Fresh data for what readers have: the person's notebook is run again in a fresh kernel, its rows become the app's,
and the version that is live is published with them, through all that any release goes through.

Whatever fails on the way leaves readers what they have; the run's record says why, and the log tells the maker.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..cancellation import in_thread, uncut
from ..datasets.record import placed
from ..errors import AppBuilderError, Conflict, InvalidInput, NotFound, of_the_disk
from ..events import Draft, Event, timestamp
from ..refreshing.base import MEMORY, SECONDS, CellRun, Plan, Run, RunState
from ..refreshing.schedule import checked_cron, checked_promise, checked_zone, runs_after
from ..refreshing.shelf import now
from ..tools.names import TAKE_NOTEBOOK
from ..workspace.folder import remove_folder

if TYPE_CHECKING:
    from ..datasets.base import Column, Dataset
    from ..publishing.shelf import Publication
    from ..refreshing.kernel import Laid
    from ..refreshing.shelf import Refreshes
    from .session import Session

COMING = 3
"""Runs that are shown ahead."""

AGENT_SECONDS = 1800.0
"""How long a run waits for an agent that is at work."""

WRITE_SECONDS = 1.0
"""How often a run that goes on is written down."""

LONGEST_MINUTES = 24 * 60
SMALLEST_MEMORY, LARGEST_MEMORY = 256, 1024 * 1024  # MB

log = logging.getLogger(__name__)

By = Literal["schedule", "person"]


class Refreshing:
    """Of one session."""

    def __init__(self, session: Session, refreshes: Refreshes) -> None:
        self._session = session
        self._kept = refreshes
        self._work: asyncio.Task[Run] | None = None
        self._closed = False

    @property
    def busy(self) -> bool:
        return self._work is not None and not self._work.done()

    # What there is

    async def plan(self) -> Plan | None:
        return await in_thread(self._kept.plan, self._session.id)

    async def runs(self) -> list[Run]:
        """The newest first."""
        return await in_thread(self._kept.runs, self._session.id)

    async def run_of(self, number: int) -> Run:
        """Raises ``NotFound``."""
        return await in_thread(self._kept.run, self._session.id, number)

    async def overview(self) -> dict[str, Any]:
        """How it stands, as JSON."""
        plan, runs = await self.plan(), await self.runs()
        live = await self._live(plan.target) if plan else None
        entry = live.entry(live.live) if live else None
        as_of = entry.data_as_of if entry else None
        late = bool(plan and plan.promise and as_of and _age(as_of) > plan.promise)
        refused = "" if plan else self._refused()
        return {
            "schedule": shown(plan) if plan else None,
            "unavailable": f"{refused.message} {refused.hint}" if refused else "",
            "data_as_of": as_of,
            "late": late,
            "running": await in_thread(self._kept.runs_now, self._session.id),
            "runs": [one.to_json(whole=False) for one in runs],
        }

    # Acts

    async def set(
        self,
        cron: str,
        *,
        zone: str = "",
        notebook: str | Path = "",
        target: str = "",
        promise: str = "",
        minutes: int = SECONDS // 60,
        memory: int = MEMORY // 1024**2,
    ) -> Plan:
        """Have the data refreshed at those times. ``notebook``: an absolute path, "" for the one of before;
        ``promise``: how old readers' data are at most, as ``2d``; ``memory``: MB that the kernel may hold.

        Raises ``InvalidInput``, ``NotFound``, and ``Conflict`` for an app that is not published, or whose data are
        tables of its database.
        """
        from ..refreshing.kernel import read_cells

        session = self._session
        session.require_owned()
        before = await self.plan()
        path = Path(notebook or (before.notebook if before else ""))
        if not path.is_absolute():
            raise InvalidInput(
                "It is not known which notebook makes the app's data.", hint="Name it: --notebook.", field="notebook"
            )
        if not 1 <= minutes <= LONGEST_MINUTES:
            raise InvalidInput(f"{minutes} minutes are no time limit.", hint="1 to 1440 minutes.", field="minutes")
        if not SMALLEST_MEMORY <= memory <= LARGEST_MEMORY:
            raise InvalidInput(
                f"{memory} MB are no bound of memory.", hint=f"{SMALLEST_MEMORY} MB or more.", field="memory"
            )
        await in_thread(read_cells, path)
        cron, zone, seconds = checked_cron(cron), checked_zone(zone or (before.zone if before else "")), minutes * 60
        there = await self._live(target or (before.target if before else ""))
        if there is None:
            raise Conflict(
                "The app is not published: there are no readers whose data could be refreshed.",
                hint="Publish it first.",
                reason="not_published",
            )
        if refused := self._refused():
            raise refused
        at = timestamp()
        same = before is not None and (before.cron, before.zone) == (cron, zone)
        plan = Plan(
            cron,
            zone,
            str(path),
            there.target,
            False,
            checked_promise(promise),
            seconds,
            memory * 1024**2,
            at,
            before.handled if before and same and not before.paused else at,
            before.datasets if before and before.notebook == str(path) else (),
        )
        await in_thread(self._kept.keep, session.id, plan)
        return plan

    async def pause(self, paused: bool) -> Plan:
        """Leave its times out, or not any more; those that came meanwhile are not made up for. Raises ``NotFound``."""
        self._session.require_owned()
        plan = await self._plan()
        handled = plan.handled if paused or not plan.paused else timestamp()
        plan = replace(plan, paused=paused, handled=handled)
        await in_thread(self._kept.keep, self._session.id, plan)
        return plan

    async def drop(self) -> None:
        """No schedule any more; its runs stay. Raises ``NotFound``."""
        self._session.require_owned()
        if not await in_thread(self._kept.drop, self._session.id):
            raise _no_plan()

    async def start(self, by: By = "person", *, if_due: bool = False) -> Run:
        """Begin a run. Raises ``NotFound`` without a schedule, ``Conflict`` while one is on its way in any process, and
        with ``if_due`` where another process was quicker."""
        session = self._session
        await session.ready()
        session.require_owned()
        if self._closed:
            raise Conflict("The app was closed.", hint="Open it again.", reason="session_ended")
        await self._plan()
        stack = ExitStack()
        await in_thread(stack.enter_context, self._kept.running(session.id))
        try:
            plan = await self._plan()
            if if_due and not await self.due():
                raise Conflict("Nothing is due.", hint="Another process took care of it.", reason="not_due")
            # What was missed until now is taken care of by this run, even if it is killed: else one that brings the
            # machine down would do so again and again.
            plan = replace(plan, handled=timestamp())
            await in_thread(self._kept.keep, session.id, plan)
            run = await in_thread(self._kept.begin, session.id, Run(0, by, "running", timestamp()))
        except BaseException:
            stack.close()
            raise
        self._work = asyncio.create_task(self._run(plan, run, stack))
        return run

    async def refresh(self, by: By = "person", *, if_due: bool = False) -> Run:
        """A run, to its end. Cancelling stops it. Raises as ``start``."""
        await self.start(by, if_due=if_due)
        assert self._work is not None
        try:
            return await asyncio.shield(self._work)
        except asyncio.CancelledError:
            await self.stop()
            raise

    async def due(self) -> bool:
        return await in_thread(self._kept.due, self._session.id, now()) is not None

    async def stop(self) -> None:
        """Stop what runs here; readers keep what they have."""
        if (work := self._work) is not None and not work.done():
            work.cancel()
            await asyncio.wait([work])

    async def close(self) -> None:
        self._closed = True
        await self.stop()

    async def forget(self) -> None:
        """The session is deleted."""
        await in_thread(self._kept.forget, self._session.id)

    # The work

    async def _run(self, plan: Plan, run: Run, stack: ExitStack) -> Run:
        work = _Work(self._session, self._kept, plan, run)
        try:
            try:
                await work.carry_out()
                return await uncut(self._ended(work, "done"))
            except asyncio.CancelledError:
                return await uncut(self._ended(work, "stopped"))
            except AppBuilderError as error:
                return await uncut(self._ended(work, "failed", error))
            except OSError as error:
                return await uncut(self._ended(work, "failed", of_the_disk(error, self._kept.folder)))
            except Exception as error:
                log.exception("The data of session %s cannot be refreshed", self._session.id)
                failure = AppBuilderError(f"It failed: {type(error).__name__}.", hint="See Jupyter's log.")
                return await uncut(self._ended(work, "failed", failure))
        finally:
            stack.close()

    async def _ended(self, work: _Work, state: RunState, error: AppBuilderError | None = None) -> Run:
        session, mask = self._session, self._session.secrets.mask
        work.change(state=state, ended=timestamp())
        if error:
            message, hint = mask.text(error.message)[:2000], mask.text(error.hint)[:500]
            work.change(message=message, hint=hint, reason=error.reason)
        run = work.run
        with contextlib.suppress(AppBuilderError):  # the log still says how it went
            await in_thread(self._kept.write, session.id, run)
            if state == "done" and (plan := await self.plan()):
                await in_thread(self._kept.keep, session.id, replace(plan, datasets=sorted(run.datasets or ())))
        entry = await self._live(work.plan.target)
        live = entry.entry(entry.live) if entry else None
        told = {
            "run": run.number,
            "by": run.by,
            "state": state,
            "message": run.message,
            "hint": run.hint,
            "datasets": sorted(run.datasets or ()),
            "target": work.plan.target,
            "release": run.release,
            "data_as_of": live.data_as_of if live else None,
        }
        await session.append(Draft("data.refreshed", told))
        return run

    async def _plan(self) -> Plan:
        if plan := await self.plan():
            return plan
        raise _no_plan()

    async def _live(self, target: str) -> Publication | None:
        found = await self._session.publishing.publications()
        return next((one for one in found if target in ("", one.target) and one.live), None)

    def _refused(self) -> Conflict | None:
        """Why the app's data cannot be refreshed."""
        known = placed(self._session.stored)
        if not known:
            return Conflict(
                "The app has no data of a notebook's.",
                hint="Hand some over, with app.data or %appbuilder data, and publish the app with it.",
                reason="no_data",
            )
        if not any(path for _, path in known):
            return Conflict(
                "The app's data are tables of its database, and readers keep the database that they have.",
                hint="Only data that the app has as files can be refreshed.",
                reason="in_tables",
            )
        return None


class _Work:
    """One run."""

    def __init__(self, session: Session, kept: Refreshes, plan: Plan, run: Run) -> None:
        self.session = session
        self.plan = plan
        self.run = run
        self._kept = kept
        self._written = time.monotonic()
        self._writing: set[asyncio.Task[None]] = set()

    def change(self, **change: Any) -> None:
        self.run = replace(self.run, **change)

    async def carry_out(self) -> None:
        session = self.session
        folder = self._kept.folder / session.id / "collected"

        def fresh() -> None:
            remove_folder(folder)
            folder.mkdir(mode=0o700)

        live = await self._readers_have()
        await in_thread(fresh)
        try:
            laid = await self._cells(folder)
            await self._hand_over(laid)
        finally:
            await in_thread(remove_folder, folder)
        await self._publish(live.target, live.name)

    async def _readers_have(self) -> Publication:
        found = await self.session.publishing.publications()
        live = next((one for one in found if one.target == self.plan.target and one.live), None)
        if live is None:
            raise Conflict("The app is not published any more.", hint="Publish it.", reason="not_published")
        return live

    async def _cells(self, folder: Path) -> list[Laid]:
        from ..refreshing.kernel import read_cells, run_cells

        session, mask = self.session, self.session.secrets.mask
        notebook = await in_thread(read_cells, Path(self.plan.notebook))
        lacking = variables_of(session.stored)

        def on_cell(cell: CellRun) -> None:
            self.change(cells=[*self.run.cells, replace(cell, output=mask.text(cell.output))])
            if time.monotonic() - self._written > WRITE_SECONDS:
                self._written = time.monotonic()
                task = asyncio.ensure_future(in_thread(self._kept.write, session.id, self.run))
                self._writing.add(task)
                task.add_done_callback(self._writing.discard)

        try:
            laid = await run_cells(
                notebook, folder, lacking, seconds=self.plan.seconds, memory=self.plan.memory, on_cell=on_cell
            )
        finally:
            await asyncio.gather(*self._writing, return_exceptions=True)
        names = {"", session.id, session.summary.name}
        found = {one.dataset: one for one in laid if one.app in names}
        if gone := sorted(set(self.plan.datasets) - found.keys()):
            raise Conflict(
                f"The notebook hands {', '.join(gone)} over no more.",
                hint="Put the cell back, or set the schedule anew with a notebook that does.",
                reason="data_gone",
            )
        if not found:
            raise Conflict(
                "The notebook handed no data over to this app.",
                hint=f'Have a cell do it: app.data("sales", df), with app = App.open({session.summary.name!r}).',
                reason="data_gone",
            )
        return list(found.values())

    async def _hand_over(self, laid: Sequence[Laid]) -> None:
        """All of them are looked at before the first is the app's."""
        from .uploads import hand_over_file

        session = self.session
        known = {dataset.name: (dataset, path) for dataset, path in placed(session.stored)}
        notes: list[str] = []
        for one in laid:
            before, path = known.get(one.dataset, (None, ""))
            if before is None:
                raise Conflict(
                    f"The app has no dataset {one.dataset}.",
                    hint="Hand it over to the app once, publish it, and refresh then.",
                    reason="unknown_dataset",
                )
            if not path:
                raise Conflict(
                    f"{one.dataset} is a table of the app's database, and readers keep the database that they have.",
                    hint="Leave it out of the notebook, or tag its cell skip-refresh.",
                    reason="in_tables",
                )
            columns, rows = await in_thread(_looked_at, one.file)
            notes += sound(before, columns, rows)
        self.change(notes=notes)
        await self._agent_rests()
        taken: dict[str, int] = {}
        for one in laid:
            await hand_over_file(session, one.dataset, one.file, private=one.private or None)
            taken[one.dataset] = session.data.one(one.dataset).rows
            self.change(datasets=taken.copy())

    async def _agent_rests(self) -> None:
        try:
            async with asyncio.timeout(AGENT_SECONDS):
                while self.session.busy:
                    await self.session.wait()
        except TimeoutError:
            raise Conflict(
                "The agent is at work on the app.", hint="Refresh again when it is done.", reason="busy"
            ) from None

    async def _publish(self, target: str, name: str) -> None:
        session = self.session
        live = await self._readers_have()
        entry = live.entry(live.live)
        assert entry is not None
        try:
            async with asyncio.timeout(AGENT_SECONDS):
                while session.publishing.busy:
                    if session.publishing.status and session.publishing.status["state"] == "waiting":
                        raise Conflict(
                            "Another version waits for answers before it is published.",
                            hint="Answer, or cancel that, and refresh again.",
                            reason="publishing",
                        )
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise Conflict("A version is being published.", hint="Refresh again.", reason="publishing") from None
        await session.publish(target, name=name, checkpoint=entry.checkpoint)
        try:
            status = await session.publishing.finished()
        finally:
            await uncut(session.cancel_publishing())
        assert status is not None
        self.change(log=status["log"][-16_000:])
        if status["state"] == "waiting":
            found = [one for one in status["findings"] if one["accepted"] is None]
            said = "; ".join(one["message"] for one in found[:5])
            count = "something was" if len(found) == 1 else f"{len(found)} things were"
            raise Conflict(
                f"With the new data, {count} found: {said}",
                hint="The draft has the new data: look at it, and publish it yourself.",
                reason="findings",
            )
        if status["state"] != "done":
            raise Conflict(status["message"] or "Publishing was stopped.", hint=status["hint"], reason="not_published")
        self.change(release=status["number"])


def _looked_at(file: Path) -> tuple[Sequence[Column], int]:
    from ..datasets.parquet import looked_at
    from ..datasets.sources import opened

    seen = looked_at(opened(file))
    return seen.columns, seen.rows


WIDER = {("integer", "number"), ("integer", "bigint"), ("bigint", "integer")}
"""Types that values alone decide, such as whether one is missing."""


def sound(before: Dataset, columns: Sequence[Column], rows: int) -> list[str]:
    """What should be known of new rows, in words. Raises ``Conflict`` where an app that was made for the rows before
    cannot show these."""
    now = {column.name: column for column in columns}
    wrong: list[str] = []
    notes: list[str] = []
    for old in before.columns:
        new = now.get(old.name)
        if new is None:
            wrong.append(f"no column {old.name[:80]!r} any more")
        elif new.type != old.type:
            told = f"{old.name[:80]!r}: {new.type} in place of {old.type}"
            (notes if (old.type, new.type) in WIDER else wrong).append(told)
    added = [name for name in now if name not in {old.name for old in before.columns}]
    if wrong:
        raise Conflict(
            f"The columns of {before.name} changed: {'; '.join(wrong[:5])}.",
            hint="Mend the notebook, or hand the data over yourself, have the app changed, and publish it.",
            reason="columns_changed",
        )
    if before.rows and not rows:
        raise Conflict(
            f"{before.name} has no rows any more; it had {before.rows:,}.",
            hint="See why the notebook finds none.",
            reason="no_rows",
        )
    return [f"{before.name}: {note}" for note in (*notes, *(f"new column {name[:80]!r}" for name in added[:20]))]


def variables_of(events: Sequence[Event]) -> dict[str, str]:
    """What the app's notebook calls the data that came with it, by dataset."""
    found: dict[str, str] = {}
    for event in events:
        if event.type == "tool.finished" and event.data["tool"] == TAKE_NOTEBOOK and event.data["ok"]:
            told: Mapping[str, Any] = event.data["detail"].get("datasets") or {}
            found |= {str(dataset): str(named) for named, dataset in told.items()}
    return found


def times(cron: str, zone: str) -> dict[str, Any]:
    """What a schedule would be, with its coming times, as JSON. Raises ``InvalidInput``."""
    cron, zone = checked_cron(cron), checked_zone(zone)
    return {"cron": cron, "zone": zone, "next": _coming(cron, zone)}


def _coming(cron: str, zone: str) -> list[str]:
    return [timestamp(moment.timestamp()) for moment in islice(runs_after(cron, zone, now()), COMING)]


def shown(plan: Plan) -> dict[str, Any]:
    """As the API shows it, with its coming times."""
    return {
        "cron": plan.cron,
        "zone": plan.zone,
        "notebook": plan.notebook,
        "target": plan.target,
        "paused": plan.paused,
        "promise": plan.promise,
        "minutes": plan.seconds // 60,
        "memory": plan.memory // 1024**2,
        "datasets": list(plan.datasets),
        "next": [] if plan.paused else _coming(plan.cron, plan.zone),
    }


def _age(moment: str) -> float:
    return (now() - datetime.fromisoformat(moment)).total_seconds()


def _no_plan() -> NotFound:
    return NotFound(
        "The app's data are not refreshed by a schedule.",
        hint='Set one: jupyter appbuilder schedule APP "0 6 * * *" --notebook data.ipynb.',
        reason="no_schedule",
    )
