"""Puts one session together from its parts, and an agent for it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from .approvals.gate import Gate
from .approvals.questions import Approvals
from .apps.network import SessionNetwork
from .apps.running import RunningApp
from .errors import AppBuilderError
from .notebook.writer import NotebookWriter
from .preview.storage import PageStorage
from .session.creation import Creation
from .session.record import Record
from .session.session import Session
from .session.turn import Agents
from .tools.base import ToolContext
from .tools.diagnostics import Diagnostics
from .tools.runner import ToolRunner
from .tools.seen import Seen
from .turns.modes import mode_of
from .turns.plans import checklist
from .workspace import Workspace

if TYPE_CHECKING:
    from .agents.base import Agent
    from .approvals.judgement import Rules
    from .builder import AppBuilder
    from .events import Event
    from .log import Summary
    from .models.base import Model
    from .models.profile import Choice


async def assemble(
    builder: AppBuilder, summary: Summary, events: list[Event], *, owned: bool, base_path: str | None = None
) -> Session:
    """The session of ``summary``, whose log holds ``events``. ``base_path``: the path of its preview, where that is
    known already."""
    store = builder.log_store
    record = Record(
        summary,
        events,
        store,
        owned=owned,
        owner="" if owned else await store.owner_of(summary.id) or "",
        describe=lambda record: builder.describe(record.summary, record, notebook.path.name),
    )
    folder = builder.folder_of(summary)
    notebook = NotebookWriter(folder / f"{summary.name}.ipynb", record.events)
    creation = Creation(done=summary.state != "creating")
    approvals = Approvals(record, sum(event.type == "approval.requested" for event in events))
    workspace = Workspace(folder)

    async def find(sha256: str, _: str) -> bytes | None:
        return await store.blob(sha256)

    health = ""
    with contextlib.suppress(AppBuilderError):  # a template that is gone
        template = builder.find_template(summary.template)
        workspace.data_folders, health = template.data, template.ready
    workspace.keep_apart(functools.partial(store.keep_blob, summary.id), find)

    async def make_sandbox() -> Any:
        await creation.files_ready.wait()
        await builder.sandboxes.listen()
        template = builder.find_template(summary.template)
        sandbox = await builder.sandboxes.provider(summary.sandbox).create(summary.id, workspace.app, template)
        await sandbox.allow(network.now, network.refuse)
        return sandbox

    app = RunningApp(
        summary.id,
        record,
        make_sandbox,
        builder.previews,
        PageStorage(builder.data / "storage" / f"{summary.id}.json"),
        base_path,
        creation.ready,
        summary.sandbox,
        summary.template,
        health,
    )

    async def reach(hosts: frozenset[str]) -> None:
        await app.reach(hosts, network.refuse)

    network = SessionNetwork(record, record.events, builder.egress_hosts, reach)

    def context(output: Any) -> ToolContext:
        check = builder.find_template(summary.template).check
        return ToolContext(
            workspace, app.sandbox, app, check, output, approvals, network, lambda: checklist(record.stored)
        )

    def checker() -> tuple[str, ...]:
        return builder.find_template(summary.template).diagnostics if builder.diagnostics else ()

    async def rules() -> Rules:
        return await builder.rules_of(record)

    runner = ToolRunner(
        builder.tools,
        context,
        record,
        await asyncio.to_thread(Seen, events),
        lambda turn: mode_of(record.stored, turn),
        Diagnostics(checker, app.sandbox, lambda: record.stored),
        Gate(record, record.events, rules),
    )

    async def make(model: Model) -> Agent:
        return await _make_agent(builder, model, record, runner, approvals)

    agents = Agents(builder.catalog.resolve, make, _recorded_seeds)
    session = Session(
        record, creation, workspace, app, runner, notebook, network, approvals, agents, lambda: builder.usage.quotas
    )
    await network.settle()
    return session


async def _make_agent(
    builder: AppBuilder, model: Model, record: Record, runner: ToolRunner, approvals: Approvals
) -> Agent:
    from .agents.history import SessionHistory, view_of
    from .agents.loop import AgentLoop, Limits
    from .agents.prompt import system_prompt
    from .models.catalog import prepare
    from .models.profile import profile_of

    def wait(message: str) -> None:
        record.live("progress", {"what": "model", "message": message, "fraction": None if message else 1})

    await prepare(model, wait)
    profile = profile_of(model.context_window, cast("Choice", builder.profile))
    profile = replace(profile, compact_at=builder.compact_at or profile.compact_at)
    prompt = system_prompt(builder.find_template(record.summary.template), profile)
    return AgentLoop(
        model,
        runner,
        record,
        SessionHistory(record.events, prompt, view_of(profile)),
        Limits(max_steps=builder.max_steps, max_seconds=builder.max_seconds),
        waits=approvals,
        spending=await builder.usage.spending(model),
        profile=profile,
    )


def _recorded_seeds(model: str, request: str, earlier: Sequence[str]) -> Mapping[str, bytes]:
    """The data files a turn begins with: those of the recording that answers it."""
    from .models.demo.recordings import recording_of

    recording = recording_of(model, request, earlier)
    return recording.seed_files() if recording else {}
