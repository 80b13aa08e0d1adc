"""Session: start and stop turns, call tools, restore versions, recover, close.

A session is its events. This class says what may be done with one; the rooms beside it do it: ``record`` (the events),
``turn``, ``versions``, ``recovery``. Whatever is held in memory can be thrown away and built again from the log and the
workspace.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..attachments.base import MOST, Given
from ..datasets.record import ADD_DATASET
from ..errors import AppBuilderError, Conflict, InvalidInput, NotFound, SessionBusy, ToolFailed, of_the_disk
from ..events import (
    DEMO,
    Attachment,
    By,
    Draft,
    Event,
    Mode,
    PagePicture,
    Person,
    PointedData,
    PublishingStatus,
    VersionStatus,
)
from ..live.base import told, unknown
from ..live.record import EXPOSE, UNEXPOSE, functions_of
from ..turns.plans import built_by, open_plan, plans, request
from ..turns.requests import CONTINUE, Beginning, last_request, open_request
from .ending import Endings
from .holdings import CLOSING_SECONDS, Holdings
from .recovery import Recovery
from .refreshing import Refreshing
from .turn import Agents, Turns
from .versions import Versions, checked_name, names_of

if TYPE_CHECKING:
    from ..approvals.questions import Approvals
    from ..approvals.rules import ApprovalRule
    from ..apps.network import SessionNetwork
    from ..apps.running import RunningApp
    from ..databases import DataProgram
    from ..databases.functions import AppFunction, Called
    from ..databases.layout import Layout
    from ..datasets.base import Keep
    from ..datasets.parquet import Written
    from ..datasets.store import Handover
    from ..eyes.base import Shot
    from ..live.base import Function
    from ..log import Summary
    from ..notebook.writer import NotebookWriter
    from ..pointing import Claim, Styles
    from ..publishing.shelf import Publication
    from ..refreshing.shelf import Refreshes
    from ..tools.base import ToolResult
    from ..tools.notebooks import GivenNotebook, GivenNotebooks
    from ..tools.runner import ToolRunner
    from ..turns.plans import Plan
    from ..usage.budgets import Unit
    from ..usage.quotas import Quotas
    from ..wire import WireMessage
    from ..workspace import Checkpoint, Workspace
    from .channel import Channel
    from .creation import Creation
    from .data import Handing
    from .earlier import EarlierVersion
    from .publishing import Publishing
    from .record import Record
    from .secrets import AppSecrets
    from .shown_app import ShownApp
    from .version_pictures import VersionPictures

MAX_MESSAGE = 100_000  # characters of one request
MAX_TITLE = 200
START_SECONDS = 120.0
NO_CUTOUTS: Mapping[str, Given] = MappingProxyType({})
"""How long data that is handed over waits for a dev server; the first one of a template may install packages."""


class Session:
    """One session, owned by this process (``owned``) or only watched. ``assembly`` puts one together."""

    def __init__(
        self,
        record: Record,
        creation: Creation,
        workspace: Workspace,
        app: RunningApp,
        runner: ToolRunner,
        notebook: NotebookWriter,
        network: SessionNetwork,
        approvals: Approvals,
        agents: Agents,
        quotas: Callable[[], Quotas],
        data: Handing,
        notebooks: GivenNotebooks,
        database: DataProgram,
        secrets: AppSecrets,
        earlier: EarlierVersion,
        shown_app: ShownApp,
        keep: Callable[[bytes], Awaitable[str]],
        pictures: VersionPictures,
        publishing: Publishing,
        refreshes: Refreshes,
    ) -> None:
        """``keep`` keeps a content beside the log, for as long as the session is there; its SHA-256."""
        self.record = record
        self.creation = creation
        self.workspace = workspace
        self.app = app
        self.runner = runner
        self.notebook = notebook
        self.network = network
        self.approvals = approvals
        self.data = data
        self.database = database
        self.secrets = secrets
        self.pictures = pictures
        self.earlier = earlier
        self.shown_app = shown_app
        self.publishing = publishing
        self.refreshing = Refreshing(self, refreshes)
        self._naming = asyncio.Lock()
        self._notebooks = notebooks
        self._agents = agents
        self._quotas = quotas
        self._keep = keep
        self._holdings = Holdings(record, workspace, database)
        self._versions = Versions(record, workspace, app, self._holdings)
        self._endings = Endings(record, workspace, self._versions, network)
        self._recovery = Recovery(record, workspace, runner, self._versions, self._endings)
        self._turns = Turns(record, workspace, runner, agents, self._versions, self._endings, self._recovery)
        self._calls = 0
        record.listen(self._stored)

    def _stored(self, events: Sequence[Event]) -> None:
        if any(event.type == "session.restored" for event in events):
            self.app.files_changed()
        elif changed := {event.data["path"] for event in events if event.type == "file.changed"}:
            self.app.files_changed(changed)
        if any(event.type == "turn.started" for event in events):
            self.app.turn_began()
        if self.owned:
            self.notebook.changed()

    # The record, as far as others than the session's own workers see it

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def summary(self) -> Summary:
        return self.record.summary

    @property
    def owned(self) -> bool:
        return self.record.owned

    @property
    def trouble(self) -> AppBuilderError | None:
        """The problem that keeps the session from being used, until it is over."""
        return self.record.trouble

    @property
    def channel(self) -> Channel:
        return self.record.channel

    @property
    def stored(self) -> Sequence[Event]:
        """Every event so far, as it stands."""
        return self.record.stored

    async def events(self, after: int = 0) -> list[Event]:
        return await self.record.events(after)

    async def append(self, *drafts: Draft) -> list[Event]:
        """Store events of what was done to the session from outside."""
        return await self.record.append(*drafts)

    def watch(self, after: int = 0) -> AsyncGenerator[WireMessage, None]:
        """Wire messages (docs/architecture.md, "Wire") from the first event after ``after`` on."""
        return self.record.watch(after)

    def to_json(self) -> dict[str, Any]:
        """The session's summary as the API shows it."""
        return self.record.to_json()

    def require_owned(self) -> None:
        """Raise ``Conflict`` when another process owns the session."""
        self.record.require_owned()

    async def ready(self) -> None:
        """Wait until the session's files stand. Raises what went wrong."""
        await self.creation.ready()

    async def adopt(self, events: Sequence[Event], drafts: Sequence[Draft]) -> None:
        """Begin with another session's events, and ``drafts`` after them."""
        await self.record.adopt(events, drafts)
        await asyncio.to_thread(self.runner.forget, self.stored)
        await self.network.settle()

    # Turns

    @property
    def busy(self) -> bool:
        """True if a turn runs."""
        return self._turns.busy

    async def send(
        self,
        text: str,
        *,
        model: str | None = None,
        mode: Mode = "build",
        attachments: Sequence[Given | Attachment] = (),
        pointed: Sequence[Claim | PointedData] = (),
        cutouts: Mapping[str, Given] = NO_CUTOUTS,
        after: str = "",
        by_whom: Person | None = None,
    ) -> str:
        """Ask for something; a turn starts and its id is returned at once.

        While a turn runs, its agent sees the message at its next step; the id is that turn's, and so is the mode.
        ``attachments``: files that were read, or that this session (or the one it was forked from) keeps already.
        ``pointed``: at what the person pointed in the app's page, or was found of it before; ``cutouts``: the
        pictures that were taken of it, as their claims call them. ``after``: only as the first request after that
        turn's end, so that of several that wait for it one is asked. ``by_whom``: who asks, where the
        server knows people apart.

        Raises ``SessionBusy`` while a turn runs that cannot be talked to (a recording, or one that is being stopped),
        ``Conflict`` (reason ``another_turn``) where another followed the turn ``after`` or it still runs,
        ``InvalidInput`` for an empty text, ``Conflict`` when another process owns the session.
        """
        text = text.strip()
        if not text:
            raise InvalidInput("The message is empty.", hint="Say what the app should do.", field="text")
        _check_length(text)
        if (given := sum(isinstance(one, Given) for one in attachments)) > MOST:
            raise InvalidInput(f"{given} files are too many for one message.", hint=f"At most {MOST}.")
        await self.ready()
        kept = [await self._kept(one) for one in attachments]
        places = [one if isinstance(one, dict) else await self._placed(one, cutouts) for one in pointed]
        if after:
            last = next((e.data["turn"] for e in reversed(self.stored) if e.type == "turn.started"), "")
            if last != after or self._turns.busy:
                raise Conflict(
                    f"{after[:20]} is not the last request, or still runs.",
                    hint="Ask after the one that is.",
                    reason="another_turn",
                )
        elif turn := await self._turns.interject(text, kept, places, by_whom):
            return turn
        if (name := model or self.summary.model) == DEMO and mode == "build" and not self._turns.busy:
            from .notebooks import begin_recorded

            await begin_recorded(self, name, text)
        beginning = Beginning(text, mode, attachments=kept, pointed=places, by_whom=by_whom)
        return await self._begin(beginning, model)

    async def _kept(self, attachment: Given | Attachment) -> Attachment:
        if isinstance(attachment, Given):
            self.require_owned()
            return await attachment.kept(self._keep)
        return attachment

    async def _placed(self, claim: Claim, cutouts: Mapping[str, Given]) -> PointedData:
        """What a claim comes to, with the picture that was taken of it."""
        data, _ = await self.point(claim)
        cutout = cutouts.get(claim.picture)
        if cutout and (picture := (await self._kept(cutout)).get("picture")):
            from ..pointing import named

            data["picture"] = {**picture, "alt": named(data)[:200]}
        return data

    async def picture_pointed(self, claim: Claim) -> Shot:
        """A picture of what was pointed at. Raises ``NotFound`` (reason ``not_on_page``) where it is not on the page
        as it is loaded afresh, and as ``RunningApp.portraits``."""
        await self.ready()
        self._may_act(busy_is_fine=True)
        return await self.app.cut_out(claim)

    async def point(self, claim: Claim) -> tuple[PointedData, bool]:
        """What the page says that the person pointed at, as far as the app's files bear it out, and whether
        ``change_text`` can change it."""
        from ..pointing import described, found, is_literal

        await self.ready()
        place, others = await found(self.workspace, claim)
        literal = place is not None and is_literal(place, claim.text)
        return self.secrets.mask.data(described(claim, place, others)), literal

    async def change_text(self, claim: Claim, text: str) -> None:
        """Have what was pointed at show ``text``: an edit by the person, where the source holds its text just so.

        Raises ``Conflict`` (reason ``no_literal``) where it does not, ``InvalidInput``, ``SessionBusy`` during a turn,
        ``ToolFailed``.
        """
        from ..pointing import text_edit

        await self.ready()
        self._may_act()
        path, edit = await text_edit(self.workspace, claim, text)
        await self._by_person("edit_file", {"path": path, "edits": [edit]})

    async def styles(self, claim: Claim) -> Styles:
        """The simple styles of what was pointed at: what is written, what can be chosen, and why not."""
        from ..pointing import styles

        await self.ready()
        return self.secrets.mask.data(await styles(self.workspace, claim))

    async def change_style(self, claim: Claim, wanted: Mapping[str, str]) -> None:
        """Give what was pointed at the steps that are ``wanted``, by property: an edit by the person.

        Raises ``Conflict`` (reason ``no_style``) where they cannot be written there, ``InvalidInput``, ``SessionBusy``
        during a turn, ``ToolFailed``.
        """
        from ..pointing import style_edit

        await self.ready()
        self._may_act()
        path, edit = await style_edit(self.workspace, claim, wanted)
        await self._by_person("edit_file", {"path": path, "edits": [edit]})

    async def accept(
        self,
        plan: str,
        text: str | None = None,
        *,
        model: str | None = None,
        by: By = "person",
        by_whom: Person | None = None,
    ) -> str:
        """Have a plan built, as it was written or as ``text`` has it now; the turn that does.

        Raises ``NotFound`` for a plan there is not, ``Conflict`` (reason ``plan_accepted``) for one that was accepted,
        ``InvalidInput`` for an empty text, ``SessionBusy`` while a turn runs.
        """
        await self.ready()
        self._may_act()
        await self._recovery.reconcile()
        written = open_plan(self.stored, plan).text
        wanted = request(written if text is None else text)
        _check_length(wanted)
        edited = text is not None and text.strip() != written
        accepted = {"plan": plan, "edited": edited, "by": by} | ({"by_whom": by_whom} if by_whom else {})
        return await self._begin(Beginning(wanted, accepted=accepted, by_whom=by_whom), model)

    def plans(self) -> list[Plan]:
        """The plans of turns in plan mode, the oldest first."""
        return plans(self.stored)

    async def _begin(self, beginning: Beginning, model: str | None = None) -> str:
        self._may_act()
        return await self._turns.begin(beginning, model or "")

    async def retry(self, *, by_whom: Person | None = None) -> str:
        """Drop what the last turn changed, and ask for the same again, all of it. The new turn.

        The files go back to what they were before it; what they were until now is kept as a version, with what a person
        changed since. Raises ``Conflict`` (reason ``nothing_to_retry``), ``SessionBusy``.
        """
        await self.ready()
        self._may_act()
        await self._recovery.reconcile()
        last = last_request(self.stored)
        accepted = built_by(self.stored, last.turn)
        again = Beginning(last.text, last.mode, accepted, last.turn, last.continues, last.attachments, last.pointed)
        return await self._begin(replace(again, by_whom=by_whom))

    async def go_on(self, *, by_whom: Person | None = None) -> str:
        """Go on from where the last turn was cut short: stopped, at a limit, failed. The new turn.

        Raises ``Conflict`` (reason ``nothing_to_continue``) after a turn that is done, ``SessionBusy``.
        """
        await self.ready()
        self._may_act()
        await self._recovery.reconcile()
        last = open_request(self.stored)
        return await self._begin(Beginning(CONTINUE, last.mode, continues=last.turn, by_whom=by_whom))

    async def stop(self) -> None:
        """Stop the running turn or tool call, also in the middle of a command. Returns when it has ended; nothing to
        stop is no error. Raises ``Unavailable`` where that cannot be stored: it has ended all the same."""
        await self._turns.stop()
        if self.owned and not self.busy:
            await self._recovery.reconcile()

    async def wait(self) -> Mapping[str, Any]:
        """Wait for the running turn; the data of the last ``turn.finished``."""
        return await self._turns.wait()

    # Acting outside turns

    async def call(self, tool: str, arguments: dict[str, Any], *, by: By) -> tuple[str, ToolResult]:
        """Run one tool for a person or a notebook; its call id and result.

        Raises ``SessionBusy`` during a turn, ``Conflict`` (reason ``stopped``) when ``stop`` ended it.
        """
        await self.ready()
        self._may_act()
        if tool not in self.runner.tools:
            known = ", ".join(sorted(self.runner.tools))
            raise NotFound(f"There is no tool {tool!r}.", hint=f"Choose one of: {known}.", reason="unknown_tool")
        async with self._recovery.acting():
            self._calls += 1
            call = f"{by}.{self.summary.last_seq + 1}.{self._calls}"
            try:
                result = await self._turns.stoppable(self.runner.run(tool, arguments, call=call, by=by))
            except asyncio.CancelledError:
                caller = asyncio.current_task()
                if caller is not None and caller.cancelling():
                    raise
                hint = "What it did so far is kept. Run it again, or restore."
                raise Conflict(f"{tool} was stopped.", hint=hint, reason="stopped") from None
            if self.runner.tools[tool].effect != "read":
                await self._versions.keep(result.summary)
        return call, result

    async def hand_over(
        self,
        name: str,
        written: Written,
        file: Path,
        *,
        keep: Keep,
        private: bool,
        replace: bool = False,
        on_rows: Callable[[int], None] | None = None,
    ) -> tuple[Handover, Sequence[str]]:
        """Take rows that were written to ``file`` (one of ``data.new_file``) for the app's dataset ``name``; and what
        people should know of them now. Where the app has a database they become a table: ``replace``, also rows that
        were changed in the app; ``on_rows`` is told how many are in it.

        Raises as ``call``, and ``ToolFailed``, where the app has a file of its own in its place, or a disk is full.
        What was handed over before stays then.
        """
        from ..tools.data import arguments_of

        await self.ready()
        self._may_act()
        await self._started()
        handover = await self.data.bring(
            name, written, file, keep=keep, private=private, replace=replace, on_rows=on_rows
        )
        try:
            _, result = await self.call(ADD_DATASET, arguments_of(handover), by="person")
            if not result.ok:
                reason = str(result.detail.get("reason", ""))
                hint = "What the app had before is still there."
                raise ToolFailed(result.text, summary=result.summary, hint=hint, reason=reason)
            self.app.data_news.tell(name)
        finally:
            await self.data.tidy()
        return handover, [str(note) for note in result.detail.get("notes", ())]

    async def _started(self) -> None:
        """Wait for a dev server that is starting. Vite lists the files of ``public/`` before it watches them: one that
        is added in between it never serves."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await self.app.started()

    async def take_notebook(self, notebook: GivenNotebook) -> None:
        """Record that the app is to be made of a notebook of the person's, and what the agent is told of it. Raises as
        ``call``."""
        from ..tools.names import TAKE_NOTEBOOK

        await self.ready()
        self._may_act()
        self._notebooks.bring(notebook)
        given = {"notebook": notebook.name, "hash": notebook.hash, "cells": notebook.cells}
        _, result = await self.call(TAKE_NOTEBOOK, given, by="person")
        if not result.ok:
            raise ToolFailed(result.text, hint="Ask for the app in words of your own.")

    @property
    def functions(self) -> Mapping[str, Function]:
        """The functions of the person's notebook that the app was told of, by name. None of them may run now."""
        return functions_of(self.stored)

    async def expose(self, function: Function) -> None:
        """Let the app call a function of the person's notebook: it is told how, in files and the log. Nothing is
        written of one that it knows already.

        Raises as ``call``, and ``ToolFailed``, where a file cannot be written.
        """
        await self.ready()
        self.require_owned()
        known = self.functions.get(function.name)
        if known == function and await self._calls_it(function.name):
            return
        await self._by_person(EXPOSE, told(function))

    async def unexpose(self, name: str) -> None:
        """Take a function back. Raises as ``call``, and ``NotFound``."""
        await self.ready()
        self.require_owned()
        known = self.functions
        if name not in known:
            raise unknown(name, known)
        await self._by_person(UNEXPOSE, {"name": name})

    async def _calls_it(self, name: str) -> bool:
        """Whether the file by which the app calls a function is there: a version that was restored may lack it."""
        from ..live.clients import own_file

        path = own_file(self.data.place.loader, name)
        try:
            return not path or bool(await self.workspace.read(path))
        except NotFound:
            return False

    async def _by_person(self, tool: str, arguments: dict[str, Any]) -> None:
        _, result = await self.call(tool, arguments, by="person")
        if not result.ok:
            raise ToolFailed(result.text)

    async def answer(
        self, approval: str, granted: bool, *, remember: bool = False, by_whom: Person | None = None
    ) -> None:
        """Answer a question that waits for the person. Raises ``NotFound`` for one that is not open, ``Conflict`` for
        one that has its answer."""
        self.require_owned()
        await self.approvals.give(approval, granted, remember=remember, by_whom=by_whom)

    async def allow_host(self, host: str) -> None:
        """Let the app's code reach a host from now on, by the person's word. Raises ``InvalidInput``."""
        await self.ready()
        self._may_act(busy_is_fine=True)
        await self.network.allow(host, by="person")

    async def revoke_host(self, host: str) -> None:
        """Take that back. Raises ``NotFound``."""
        await self.ready()
        self._may_act(busy_is_fine=True)
        await self.network.revoke(host, by="person")

    async def functions_of_app(self) -> list[AppFunction]:
        """The functions on the app's server, which is started if need be. Raises ``Unavailable``, ``NotFound``."""
        from ..databases.functions import functions_in

        await self.ready()
        self._may_act(busy_is_fine=True)
        return functions_in(self.secrets.mask.data(await self.app.ask_functions("functions")))

    async def layout(self) -> Layout:
        """The layout of the app (``ui.json``) with what may stand in it; the tool ``update_layout`` changes it.

        Raises ``Unavailable``, and ``Conflict`` for an app that has none.
        """
        from ..databases.layout import ask_program, layout_in

        await self.ready()
        self._may_act(busy_is_fine=True)
        if not self.app.has_functions:
            raise Conflict("This app has no layout.", hint="Apps of the template serverless have one: ui.json.")
        answer = await ask_program(await self.app.sandbox(), "blueprint.mjs", "known")
        return layout_in(self.secrets.mask.data(answer))

    async def call_function(
        self,
        name: str,
        *,
        method: str = "GET",
        query: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Called:
        """Call a function of the app as its page would. ``name`` is what follows ``api/``; ``body`` is sent as JSON.

        What the function answers, an error as well, is no error here. Raises as ``functions_of_app``.
        """
        from ..databases.functions import called_in

        await self.ready()
        self._may_act(busy_is_fine=True)
        name, _, asked = name.removeprefix("/").removeprefix("api/").partition("?")
        kind = {} if body is None else {"content-type": "application/json"}
        sent = {"method": method, "query": query.removeprefix("?") or asked, "headers": {**kind, **(headers or {})}}
        if body is not None:
            sent["body"] = json.dumps(body)  # written here: a text, too, arrives as JSON
        answer = await self.app.ask_functions("call", name=name, request=sent)
        return called_in(self.secrets.mask.data(answer))

    async def set_secret(self, name: str, value: str) -> None:
        """Keep a secret for the app's functions, which get it as ``env.NAME`` from now on.

        Raises ``InvalidInput`` for a name or value that is none, ``Conflict`` for an app without functions, and
        ``Unavailable`` where it cannot be kept.
        """
        await self.secrets.set(name, value)
        await self._secrets_changed()

    async def remove_secret(self, name: str) -> None:
        """Forget a secret; functions do not get it any more. Raises ``NotFound``."""
        await self.secrets.remove(name)
        await self._secrets_changed()

    async def _secrets_changed(self) -> None:
        # Any process of the person's may set one: the one that runs the app finds it by itself.
        if self.owned:
            await self.app.give_secrets()

    async def renew_secrets(self) -> None:
        """Give the app's functions what another process of the person's has set or removed meanwhile."""
        if self.owned and self.secrets.takes and await self.secrets.changed():
            await self.secrets.values()
            await self.app.give_secrets()

    async def raise_budget(self, amounts: Mapping[Unit, float]) -> None:
        """Let this session use this much from now on, by the person's word: dollars, tokens or both.

        Raises ``InvalidInput`` where the quotas do not allow it.
        """
        from ..usage.ledger import ledger

        await self._quotas().may_raise(await asyncio.to_thread(ledger, self.stored), amounts)
        await self.ready()
        self._may_act(busy_is_fine=True)
        data = {unit: int(value) if unit == "tokens" else value for unit, value in amounts.items()}
        await self.append(Draft("budget.raised", data))

    async def set_rule(self, rule: ApprovalRule) -> None:
        """Allow the agent something in this app, have it ask, or deny it; replaces what was said of the same before."""
        from ..approvals.rule_book import changed

        await self.ready()
        self._may_act(busy_is_fine=True)
        await self.append(changed(rule, holds=True, by="person"))

    async def forget_rule(self, id: str) -> None:
        """Take such a rule back. Raises ``NotFound``."""
        from ..approvals.rule_book import app_rules, changed, find_rule, unknown

        await self.ready()
        self._may_act(busy_is_fine=True)
        rule = find_rule(id, app_rules(self.stored))
        if rule is None:
            raise unknown(id)
        await self.append(changed(rule, holds=False, by="person"))

    async def checkpoint(self, title: str) -> str:
        """Keep the files as a version, if they or what the app wrote changed since the last one; their tree hash.

        Raises ``SessionBusy`` during a turn, and ``Conflict`` where another process owns the session, or only what the
        app wrote may have changed, and no copy of it can be made.
        """
        self._may_act()
        async with self._recovery.acting():
            await self._versions.take_outside_changes()
            await self._versions.keep(title, for_data=True)
            return await self.workspace.snapshot()

    async def restore(self, checkpoint: str, *, data: bool = True) -> Event:
        """Bring files and preview back to a checkpoint, and with ``data`` what the app wrote, as far as it is kept.

        The restore is itself an event and a checkpoint on top.
        """
        self._may_act()
        async with self._recovery.acting(self.workspace.revive):
            await self._versions.keep_edits()
            try:
                restored = await self._versions.put_back(checkpoint, data=data)
                events = await self.append(*restored)
            except BaseException as error:
                self._versions.renew_beside()
                if isinstance(error, OSError):
                    raise of_the_disk(error, self.workspace.folder) from error
                raise
            await self._versions.renew_packages(restored)
            return next(event for event in events if event.type == "session.restored")

    async def checkpoints(self) -> list[Checkpoint]:
        """Every version, newest first, with what the person calls it."""
        names = names_of(self.stored)
        return [replace(made, name=names.get(made.id, "")) for made in await self.workspace.checkpoints()]

    async def name_version(self, checkpoint: str, name: str) -> None:
        """Call a version something; ``""`` takes its name away.

        Raises ``NotFound`` for no version of the app, ``InvalidInput`` for a name that is too long, and ``Conflict``
        for that of another version.
        """
        await self.ready()
        self._may_act(busy_is_fine=True)
        version = await self.workspace.version(checkpoint)
        async with self._naming:  # a name is of one version
            names = names_of(self.stored)
            name = checked_name(name, version, names)
            if name != names.get(version, ""):
                await self.append(Draft("version.named", {"checkpoint": version, "name": name}))

    async def show_version(self, checkpoint: str) -> VersionStatus:
        """Begin to run a version beside the app, to be looked at: a copy of its files and data that reaches nothing
        outside. It takes the place of another one. ``earlier.started`` waits for it; the watchers are told.

        Raises ``NotFound``, and ``Conflict`` for an app whose database is on a server.
        """
        await self.ready()
        self._may_act(busy_is_fine=True)
        return await self.earlier.show(checkpoint)

    async def hide_version(self, checkpoint: str = "") -> None:
        """End what ``show_version`` began; with ``checkpoint`` if it is that version. Raises ``NotFound`` for none."""
        self.require_owned()
        await self.earlier.stop(await self.workspace.version(checkpoint) if checkpoint else "")

    async def publish(
        self,
        target: str = "here",
        *,
        name: str = "",
        checkpoint: str = "",
        settings: Mapping[str, str] | None = None,
        accepted: Mapping[str, str] | None = None,
    ) -> PublishingStatus:
        """Begin to publish a version. ``publishing.finished`` waits for it; the watchers are told. Raises as
        ``Publishing.start``."""
        await self.ready()
        self._may_act(busy_is_fine=True)
        return await self.publishing.start(
            target, name=name, checkpoint=checkpoint, settings=settings, accepted=accepted
        )

    async def answer_gate(self, accepted: Mapping[str, str]) -> PublishingStatus:
        """Say why it is published anyway. Raises as ``Publishing.answer``."""
        self.require_owned()
        return await self.publishing.answer(accepted)

    async def cancel_publishing(self) -> None:
        """Stop what is on its way."""
        self.require_owned()
        await self.publishing.stop()

    async def roll_back(self, target: str, number: int) -> Publication:
        """Give readers an earlier release again. Raises as ``Publishing.roll_back``."""
        await self.ready()
        self._may_act(busy_is_fine=True)
        return await self.publishing.roll_back(target, number)

    async def unpublish(self, target: str) -> None:
        """Take the app down at a target. Raises as ``Publishing.unpublish``."""
        await self.ready()
        self._may_act(busy_is_fine=True)
        await self.publishing.unpublish(target)

    async def change_readers(self, target: str, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Change who may open the app at a target. Raises as ``Publishing.change_readers``."""
        await self.ready()
        self._may_act(busy_is_fine=True)
        return await self.publishing.change_readers(target, settings)

    async def update(self, *, title: str | None = None, model: str | None = None) -> None:
        """Rename the session, or choose its model for the next turns.

        Raises ``InvalidInput`` for a title that is too long, and for a model that there is not.
        """
        self._may_act(busy_is_fine=True)
        if title is not None and len(title := title.strip()) > MAX_TITLE:
            raise InvalidInput(
                f"The title has {len(title):,} characters; the limit is {MAX_TITLE}.",
                hint="Choose a shorter one.",
                field="title",
            )
        if model is not None:
            self._agents.find_model(model)
        changes = {name: value for name, value in (("title", title), ("model", model)) if value is not None}
        if changes:
            await self.append(Draft("session.updated", changes))

    async def look_for_edits(self) -> None:
        """Take in what a person changed in an editor meanwhile. Does nothing while something of ours runs."""
        if not self.owned or self.busy or self._recovery.lock.locked():
            return
        if self.summary.state in ("ready", "asleep") or self.record.inconsistent:
            async with self._recovery.acting():
                await self._versions.take_outside_changes()
            self.trouble_with(None)

    def trouble_with(self, error: AppBuilderError | OSError | None) -> None:
        """Something keeps the session from being used, or (None) nothing does any more."""
        trouble = of_the_disk(error, self.workspace.folder) if isinstance(error, OSError) else error
        self.record.trouble_with(trouble)

    def _may_act(self, *, busy_is_fine: bool = False) -> None:
        self.require_owned()
        if self.summary.state in ("creating", "failed", "ended"):
            raise Conflict(
                f"The session is {self.summary.state}.",
                hint="Start a new session." if self.summary.state != "creating" else "Wait a moment.",
                reason=f"session_{self.summary.state}",
            )
        if self.busy and not busy_is_fine:
            raise SessionBusy("A turn is running in this session.", hint="Wait for it, or stop it first.")

    # Preview

    async def take_picture(self, checkpoint: str) -> Sequence[PagePicture]:
        """Look at the app as it is now, which must be this version; its pictures. Starts the app if need be.

        Raises as ``VersionPictures.take``.
        """
        await self.ready()
        self._may_act(busy_is_fine=True)
        return await self.pictures.take(checkpoint, self.app)

    async def start_preview(self, *, restart: bool = False) -> None:
        await self.ready()
        self._may_act(busy_is_fine=True)
        await (self.app.restart() if restart else self.app.ensure())

    async def stop_preview(self) -> None:
        self._may_act(busy_is_fine=True)
        await self.app.stop()

    # Beginning and end

    async def recover(self, *, resume: bool = False) -> None:
        """Close what a process that died left open, so that the session can be used. Nothing stored is changed.

        With ``resume``, a turn that was under way goes on where the log ends.
        """
        if turn := await self._recovery.take_over(resume=resume):
            await self._turns.resume(turn)
        self._holdings.resume()
        with contextlib.suppress(AppBuilderError):  # a shelf that cannot be read says so where it is asked for
            await self.publishing.reconcile()

    async def close(self) -> None:
        """Stop whatever runs, write the notebook, release the session. It can be opened again."""
        await self.shut(patience=CLOSING_SECONDS)
        await self.record.release()

    async def shut(self, *, keep_notebook: bool = True, patience: float = 0) -> None:
        """Stop whatever runs; nothing is written any more. What the newest version holds may take ``patience`` seconds
        to be known."""
        await self.creation.cancel()
        await self._turns.stop()
        self.record.unobserve()
        if self.runner.diagnostics:
            self.runner.diagnostics.stop()
        await self._holdings.close(patience)
        await self.earlier.close()
        await self.shown_app.close()
        await self.refreshing.close()
        await self.publishing.close()
        await self.app.close()
        async with self._recovery.lock:
            pass  # a look at the files that was under way has ended: the folder can go
        await self.notebook.close(write=self.owned and keep_notebook)
        self.channel.close()


def _check_length(text: str) -> None:
    if len(text) > MAX_MESSAGE:
        raise InvalidInput(
            f"The message has {len(text):,} characters; the limit is {MAX_MESSAGE:,}.",
            hint="Put long material into a file of the app and name it.",
            field="text",
        )
