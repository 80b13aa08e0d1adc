"""Builds a session and its agent from their parts."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..approvals.gate import Gate
from ..approvals.questions import Approvals
from ..apps.control import Control
from ..apps.function_server import FunctionServer
from ..apps.network import HostSource, SessionNetwork
from ..apps.python_calls import PythonCalls
from ..apps.running import RunningApp
from ..databases import DataProgram
from ..databases.copies import DatabaseCopies
from ..datasets.record import dataset_files
from ..datasets.store import SessionDatasets
from ..errors import AppBuilderError, Conflict
from ..log.journal import StoredEvents
from ..notebook.writer import NotebookWriter
from ..preview.storage import PageStorage
from ..publishing.site import SiteSandbox
from ..publishing.targets import find_publisher, find_publishers
from ..publishing.trying import TriedData
from ..templates.templates import Template
from ..tools.base import KeptFiles, Network, Secrets, ToolContext
from ..tools.diagnostics import Diagnostics
from ..tools.notebooks import GivenNotebooks
from ..tools.page_news import PageNews
from ..tools.registry import tools_for
from ..tools.runner import ToolRunner
from ..tools.seen import Seen
from ..tools.services import Services
from ..turns.modes import mode_of
from ..vault.mask import Mask
from ..workspace import Workspace
from .creation import Creation
from .data import Handing
from .earlier import EarlierVersion
from .forking import copy_storage
from .publishing import Means, Publishing, Unrecorded
from .record import Record
from .secrets import AppSecrets
from .session import Session
from .shown_app import ShownApp
from .turn import Agents
from .version_pictures import VersionPictures

if TYPE_CHECKING:
    from ..agents.base import Agent
    from ..approvals.judgement import Rules
    from ..apps.sandboxes import Sandboxes
    from ..databases.postgres import PostgresServer
    from ..datasets.store import DatasetStore
    from ..events import Event
    from ..eyes.base import Eye
    from ..log import EventStore, Summary
    from ..log.journal import Journal
    from ..log.pictures import Pictures
    from ..models.base import Model
    from ..models.catalog import Catalog
    from ..models.profile import Choice
    from ..preview.capabilities import Previews
    from ..publishing.shelf import Shelf
    from ..refreshing.shelf import Refreshes
    from ..sandbox.base import Sandbox
    from ..templates.library import TemplateLibrary
    from ..tools.base import Tool
    from ..usage.accounts import Accounts
    from ..vault import Vault
    from ..workspace.records import LaidOut
    from .looks import Looks
    from .places import Places


@dataclass(frozen=True, slots=True)
class Parts:
    """What the sessions of a process share. ``AppBuilder`` has the settings, and says what each means."""

    log_store: EventStore
    places: Places
    library: TemplateLibrary
    sandboxes: Sandboxes
    previews: Previews
    storage: Path
    """The folder of what apps keep in their pages' storage."""
    make_eye: Callable[[RunningApp], Eye]
    tools: dict[str, Tool[Any]]
    rules_of: Callable[[Record], Awaitable[Rules]]
    pictures: Pictures
    datasets: DatasetStore
    vault: Vault
    published: Shelf
    refreshes: Refreshes
    looks: Looks
    publish_hard: Callable[[], Sequence[str]]
    postgres: PostgresServer | None
    """Where databases of apps are made, if not in their folders."""
    catalog: Catalog
    usage: Callable[[], Accounts]
    """Raises ``InvalidInput`` where the configured prices or time zone are none."""
    egress_hosts: Callable[[], Mapping[str, HostSource]]
    diagnostics: bool
    profile: Choice
    compact_at: int
    max_steps: Callable[[], int]
    max_seconds: Callable[[], float]

    async def picture(self, sha256: str) -> bytes | None:
        """A picture of an app's, or one that came with a message; None where it is no longer kept."""
        return await self.pictures.read(sha256) or await self.log_store.blob(sha256)


async def assemble(
    parts: Parts,
    summary: Summary,
    events: list[Event],
    *,
    describe: Callable[[Summary, Record, str], dict[str, Any]],
    owned: bool,
    base_path: str | None = None,
) -> Session:
    """The session of ``summary``, whose log holds ``events``. ``describe`` makes it JSON, with its record and its
    notebook's name; ``base_path``: the path of its preview, where that is known already."""
    store = parts.log_store
    mask = Mask()

    def described(record: Record) -> dict[str, Any]:
        return describe(record.summary, record, notebook.path.name)

    record = Record(
        summary,
        events,
        store,
        owned=owned,
        owner="" if owned else await store.owner_of(summary.id) or "",
        describe=described,
        mask=mask,
    )
    folder = parts.places.folder_of(summary)
    notebook = NotebookWriter(folder / f"{summary.name}.ipynb", record.events, picture=parts.picture)
    creation = Creation(done=summary.state != "creating")
    approvals = Approvals(record, sum(event.type == "approval.requested" for event in events))
    workspace = Workspace(folder)
    workspace.datasets, workspace.private_datasets = dataset_files(events), dataset_files(events, private=True)
    datasets = SessionDatasets(parts.datasets, summary.id, workspace)

    async def find(sha256: str, _: str) -> bytes | None:
        return await store.blob(sha256)

    engine = record.engine

    def template_now() -> Template:
        return parts.library.find(summary.template).on(engine)

    health, control, live, calls, template = "", "", "", False, None
    with contextlib.suppress(AppBuilderError):  # a template that is gone
        template = template_now()
        workspace.data_folders, health, control = template.data, template.ready, template.control
        calls, live = template.functions, template.live
    keep = functools.partial(store.keep_blob, summary.id)
    workspace.keep_apart(keep, find)

    secrets = AppSecrets(summary.id, parts.vault, workspace, bool(control), lambda: record.stored, mask)
    await secrets.values()  # what is told from here on does not hold them

    async def make_sandbox() -> Any:
        await creation.files_ready.wait()
        await parts.sandboxes.listen()
        sandbox = await parts.sandboxes.provider(summary.sandbox).create(summary.id, workspace.app, template_now())
        if engine == "postgresql":
            from ..databases.postgres import connect_sandbox

            await connect_sandbox(sandbox, parts.postgres, summary.id)
        await sandbox.allow(network.now, network.refuse)
        return sandbox

    version_pictures = VersionPictures(record, workspace, parts.pictures.keep, parts.pictures.read)
    functions = FunctionServer(control, secrets.values, has_functions=calls) if control else None
    app = RunningApp(
        summary.id,
        record,
        make_sandbox,
        parts.previews,
        PageStorage(parts.storage / f"{summary.id}.json"),
        base_path,
        creation.ready,
        summary.sandbox,
        summary.template,
        health,
        parts.make_eye,
        workspace,
        workspace.app,
        mask,
        functions,
        PythonCalls(summary.id, functions if functions and live == control else Control(live)) if live else None,
        os.environ.get("JUPYTERHUB_USER", ""),
        version_pictures,
    )

    program = DataProgram(app.sandbox, template.database if template else None)
    if engine == "postgresql" and program.there:
        workspace.data_elsewhere = DatabaseCopies(program)

    async def reach(hosts: frozenset[str]) -> None:
        await app.reach(hosts, network.refuse)

    network = SessionNetwork(record, record.events, parts.egress_hosts, reach)

    handing = Handing(record, datasets, lambda: template_now().datasets, in_tables=program.there)
    notebooks = GivenNotebooks()
    services = Services()
    services.offer(Approvals, lambda: approvals)
    services.offer(Network, lambda: network)
    services.offer(StoredEvents, lambda: record)
    services.offer(SessionDatasets, lambda: datasets)
    services.offer(GivenNotebooks, lambda: notebooks)
    services.offer(DataProgram, lambda: program)
    services.offer(KeptFiles, lambda: store)
    services.offer(Secrets, lambda: secrets)
    services.offer(Template, template_now)

    def context(output: Any) -> ToolContext:
        return ToolContext(workspace, app.sandbox, app, output, services)

    def checker() -> tuple[str, ...]:
        return template_now().diagnostics if parts.diagnostics else ()

    async def rules() -> Rules:
        return await parts.rules_of(record)

    async def lay(checkpoint: str, place: Path) -> LaidOut:
        laid = await workspace.lay_out(checkpoint, place)
        await handing.lay_out(place / "app")
        return laid

    async def lay_with_storage(checkpoint: str, place: Path) -> LaidOut:
        laid = await lay(checkpoint, place)
        await asyncio.to_thread(copy_storage, parts.storage / f"{summary.id}.json", place / "storage.json")
        return laid

    async def sandbox_of_copy(id: str, files: Path, template: Template) -> Sandbox:
        await parts.sandboxes.listen()
        return await parts.sandboxes.provider(summary.sandbox).create(id, files, template)

    async def nothing() -> Mapping[str, str]:
        return {}

    async def run_earlier(place: Path, journal: Journal) -> RunningApp:
        """A copy of the app, as it was."""
        make = functools.partial(sandbox_of_copy, f"{summary.id}-version", place / "app", template_now())
        return await run_copy(f"{summary.id}-version", "an earlier version", make, place, journal, health)

    async def run_shown(place: Path, journal: Journal) -> RunningApp:
        """A copy of the app, for people who look at the session by a link."""
        make = functools.partial(sandbox_of_copy, f"{summary.id}-look", place / "app", template_now())
        return await run_copy(f"{summary.id}-look", "a look for others", make, place, journal, health)

    async def run_built(place: Path, what: Template | Path) -> RunningApp:
        """What was built of a version: a site's folder, or the files in ``place`` with the server of what was built."""
        id = f"{summary.id}-publishing"
        make = functools.partial(sandbox_of_copy, id, place / "app", what) if isinstance(what, Template) else None
        ready = what.ready if isinstance(what, Template) else ""

        async def make_site() -> Sandbox:
            return SiteSandbox(cast("Path", what))

        data = None
        if isinstance(what, Template):
            data = TriedData(place / "app", what.data, place / "kept")
            await data.begin()
        return await run_copy(id, "being published", make or make_site, place, Unrecorded(), ready, data)

    async def run_copy(
        id: str,
        said: str,
        make: Callable[[], Awaitable[Sandbox]],
        place: Path,
        journal: Journal,
        ready: str,
        data: TriedData | None = None,
    ) -> RunningApp:
        """A copy without secrets, calls of the notebook and hosts to reach."""
        copy = RunningApp(
            id,
            journal,
            make,
            parts.previews,
            PageStorage(place / "storage.json"),
            provider=summary.sandbox,
            template=summary.template,
            health=ready,
            make_eye=parts.make_eye,
            data=data,
            folder=place / "app",
            mask=mask,
            functions=FunctionServer(control, nothing, has_functions=calls) if control else None,
            hub_user=os.environ.get("JUPYTERHUB_USER", ""),
        )
        await parts.sandboxes.track(copy, f"{summary.name} ({said})")
        return copy

    on_server = Conflict(
        "An earlier version of an app cannot be shown while its database is on a PostgreSQL server.",
        hint="Fork from that version: the copy has a database of its own.",
        reason="database_on_server",
    )
    not_on_server = on_server if engine == "postgresql" else None
    runner = ToolRunner(
        tools_for(parts.tools, template),
        context,
        record,
        await asyncio.to_thread(Seen, events),
        lambda turn: mode_of(record.stored, turn),
        Diagnostics(checker, app.sandbox, lambda: record.stored),
        PageNews(lambda: record.stored),
        Gate(record, record.events, rules),
        parts.pictures.keep,
        mask,
    )

    async def make(model: Model) -> Agent:
        return await _make_agent(parts, model, record, runner, approvals)

    agents = Agents(parts.catalog.resolve, make, _recorded_seeds)
    means = Means(
        record,
        workspace,
        parts.published,
        parts.vault,
        secrets,
        template_now,
        lay,
        lambda files: sandbox_of_copy(f"{summary.id}-build", files, template_now()),
        run_built,
        lambda: sorted(network.now),
        parts.publish_hard,
        find_publisher,
        find_publishers,
        lambda target: parts.refreshes.promised(summary.id, target),
    )
    session = Session(
        record,
        creation,
        workspace,
        app,
        runner,
        notebook,
        network,
        approvals,
        agents,
        lambda: parts.usage().quotas,
        handing,
        notebooks,
        program,
        secrets,
        EarlierVersion(record, workspace, lay_with_storage, run_earlier, not_on_server),
        ShownApp(
            EarlierVersion(record, workspace, lay, run_shown, not_on_server, told=False),
            parts.looks,
            summary.id,
            handing,
        ),
        keep,
        version_pictures,
        Publishing(means),
        parts.refreshes,
    )
    await network.settle()
    if owned:
        await parts.sandboxes.listen()  # a notebook beside may have functions for it
    return session


async def _make_agent(parts: Parts, model: Model, record: Record, runner: ToolRunner, approvals: Approvals) -> Agent:
    from ..agents.history import SessionHistory, view_of
    from ..agents.loop import AgentLoop, Limits
    from ..agents.prompt import system_prompt
    from ..models.catalog import prepare
    from ..models.profile import profile_of

    def wait(message: str) -> None:
        record.live("progress", {"what": "model", "message": message, "fraction": None if message else 1})

    await prepare(model, wait)
    profile = profile_of(model.context_window, parts.profile)
    profile = replace(profile, compact_at=parts.compact_at or profile.compact_at)
    template = parts.library.find(record.summary.template).on(record.engine)
    prompt = system_prompt(template, profile)
    return AgentLoop(
        model,
        runner,
        record,
        SessionHistory(record.events, prompt, view_of(profile, images=model.images)),
        Limits(max_steps=parts.max_steps(), max_seconds=parts.max_seconds()),
        waits=approvals,
        spending=await parts.usage().spending(model),
        profile=profile,
        read_picture=parts.picture,
    )


def _recorded_seeds(model: str, request: str, earlier: Sequence[str]) -> Mapping[str, bytes]:
    """The data files a turn begins with: those of the recording that answers it."""
    from ..models.demo.recordings import recording_of

    recording = recording_of(model, request, earlier)
    return recording.seed_files() if recording else {}
