"""AppBuilder: the configuration, and the one place where the parts are put together.

The server extension, the command line and a notebook kernel all use this class, so that a session is the same thing in
each. Importing this module is cheap: parts are imported when the first session needs them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from traitlets import Bool, Dict, Enum, Float, Int, List, TraitError, Unicode, default, validate
from traitlets.config import LoggingConfigurable

from .apps.sandboxes import Sandboxes
from .errors import AppBuilderError, InvalidInput, NotFound, Unavailable
from .events import Draft, Event
from .log import EventLog, EventStore, Owner, Summary
from .log.lease import LEASE_SECONDS
from .log.summary import fold
from .session import Session, checkpoint_draft
from .session.names import check_name, reserve, slug, title_of
from .settings import default_data_dir, private_folder

if TYPE_CHECKING:
    from .approvals.judgement import Rules
    from .approvals.rule_book import RuleBook
    from .apps.running import RunningApp
    from .models.catalog import Catalog
    from .models.local.servers import LocalModels
    from .preview.capabilities import Previews
    from .sandbox.base import Ready, SandboxProvider
    from .session.forking import ForkPoint
    from .session.record import Record
    from .templates.templates import Template
    from .tools.base import Tool
    from .usage.accounts import Accounts

FOLDER = "appbuilder"
"""Sessions live below ``<root>/appbuilder``."""

RECOVER_SECONDS = 30.0
"""How long until a session that could not be recovered is tried again."""

WATCH_SECONDS = 1.5
"""How often a session that somebody watches is checked for edits made in an editor."""


PARTS = (".assembly", ".tools.registry")
"""What a session is put together from: not imported when a server starts (0.3 s), but before the first is opened."""


class AppBuilder(LoggingConfigurable):
    """Builds apps: makes sessions, finds them again, and keeps what they share."""

    root_dir = Unicode(
        help="""The folder below which sessions are made (in `appbuilder/`). Default: the server's root, or where that
        is `/` or cannot be written to, its preferred folder."""
    ).tag(config=True)
    data_dir = Unicode(help="Where the event log, caches and stored keys live. Default: the Jupyter data folder.").tag(
        config=True
    )
    model = Unicode(
        help="""The model of new sessions, as `provider:name`: `openai:gpt-5.1`, `ollama:qwen3-coder`, `demo:recorded` …
        Default: OpenAI's when OPENAI_API_KEY is set, else a local Ollama or LM Studio, else the recorded demo."""
    ).tag(config=True)
    providers = Dict(
        help="""Model endpoints by provider name: `{"zai": {"base_url": "https://…", "api_key": "…"}}`. A key is better
        given through the provider's environment variable (OPENAI_API_KEY …)."""
    ).tag(config=True)
    gguf_dirs = List(
        Unicode(), help="Folders with models in GGUF files, offered beside those that were used before."
    ).tag(config=True)
    local_context = Int(
        0,
        help="""Tokens of context for models in GGUF files, at most. Default: 16384, less where the model was trained
        for less or memory is short. More takes more memory, and above 16384 a model gets the full profile.""",
    ).tag(config=True)
    local_threads = Int(
        0, help="Processor cores that a model in a GGUF file may use. Default: all there are for this process."
    ).tag(config=True)
    local_idle_seconds = Float(900.0, help="A GGUF model that nobody asked for this long leaves memory.").tag(
        config=True
    )
    profile = Enum(
        ("auto", "full", "small"),
        "auto",
        help="""What models are given at a time: `full` (all tools, the whole prompt), `small` (few tools, a short
        prompt), or `auto`: small for a context window up to 16384 tokens.""",
    ).tag(config=True)
    template = Unicode(
        "react-vite", help="The template of new sessions: its name, its folder, or the address of a git repository."
    ).tag(config=True)
    template_path = List(
        Unicode(), help="Folders with templates of your own: one subfolder each, or a template's folder itself."
    ).tag(config=True)
    sandbox = Unicode(
        "auto",
        help="""Where the generated code of new sessions runs: `local` (this machine), `e2b` (E2B's cloud), or another
        installed provider's name. `auto`: this machine if it can isolate, else E2B if a key is set up.""",
    ).tag(config=True)
    egress_hosts = List(
        Unicode(),
        help="""Hosts that every app's code and package installs may reach, besides the configured registries (for
        installs) and what a person allows (for their app): `host`, `*.host` or `host:port`. Those named here may lie in
        a private network.""",
    ).tag(config=True)
    approval_rules = List(
        Dict(),
        help="""What the agent may do: `{"tool": "run_command", "pattern": "git push *", "action": "deny"}`, or `allow`,
        or `ask`. A deny or ask here cannot be loosened by a person. See the page on approvals.""",
    ).tag(config=True)
    diagnostics = Bool(
        True,
        help="""Whether problems that the agent's changes bring are looked for in the background of a turn. Without it
        they are found by the check at its end.""",
    ).tag(config=True)
    max_steps = Int(60, help="Model responses per turn.").tag(config=True)
    max_seconds = Float(1200.0, help="Seconds per turn.").tag(config=True)
    max_tokens = Int(2_000_000, help="Tokens (input and output) per turn; 0: no limit.").tag(config=True)
    session_tokens = Int(0, help="Tokens per session; 0: no limit.").tag(config=True)
    day_tokens = Int(0, help="Tokens per day, of all sessions together; 0: no limit.").tag(config=True)
    turn_budget = Float(0.0, help="US dollars per turn; 0: no limit. Holds for models whose price is known.").tag(
        config=True
    )
    session_budget = Float(0.0, help="US dollars per session; 0: no limit.").tag(config=True)
    day_budget = Float(0.0, help="US dollars per day, of all sessions together; 0: no limit.").tag(config=True)
    prices = Dict(
        help="""What models cost that the price list does not know, or that cost you something else: `{"provider:name":
        (input, output, cached input)}` in US dollars per million tokens."""
    ).tag(config=True)
    timezone = Unicode(
        "", help='Where a day begins that `day_budget` and `day_tokens` count, e.g. "Europe/Berlin". Default: here.'
    ).tag(config=True)
    compact_at = Int(
        0,
        help="""Tokens of history at which it is shortened to a summary. Default: by the model's context window, at most
        96,000.""",
    ).tag(config=True)
    demo_pace = Float(
        -1.0, help="Seconds between the pieces of a recorded answer; 0 is at once. Default: its own pace."
    ).tag(config=True)
    open_panel = Bool(False, help="Open the panel whenever JupyterLab starts, not only the first time.").tag(
        config=True
    )
    idle_seconds = Float(900.0, help="A preview nobody looked at for this long goes to sleep.").tag(config=True)

    @validate("approval_rules")
    def _check_approval_rules(self, proposal: Any) -> list[dict[str, Any]]:
        from .approvals.rules import read_rules

        try:
            read_rules(proposal["value"])
        except InvalidInput as error:
            # A rule that is passed over would deny nothing.
            raise TraitError(f"c.AppBuilder.approval_rules: {error}") from None
        return proposal["value"]

    @default("root_dir")
    def _default_root_dir(self) -> str:
        return str(Path.cwd())

    @default("data_dir")
    def _default_data_dir(self) -> str:
        return default_data_dir()

    def __init__(
        self,
        *,
        base_url: str = "/",
        label: str = "",
        pooling: bool = False,
        resuming: bool = False,
        browsed: Path | Literal["root_dir"] | None = "root_dir",
        **kwargs: Any,
    ) -> None:
        """``base_url``: the prefix of every URL; ``label``: how other processes are told who owns a session;
        ``pooling``: whether sandboxes may stand ready before they are asked for; ``resuming``: whether turns that a
        process which died left go on here (for a server: a command that ends soon could not finish them);
        ``browsed``: the folder that the file browser shows, None where it shows none of this machine."""
        super().__init__(**kwargs)
        self.base_url = base_url
        self._browsed = browsed
        self.pooling = pooling
        self.resuming = resuming
        owner = Owner(label or "another Jupyter App Builder process")
        self.log_store: EventStore = EventLog(Path(self.data_dir) / "log.db", owner)
        self._data_is_private = False  # as far as we looked
        self._sessions: dict[str, Session] = {}
        self._leaving: dict[str, asyncio.Event] = {}  # sessions that are being closed or deleted
        self._opening = asyncio.Lock()
        self._previews: Previews | None = None
        self._catalog: Catalog | None = None
        self._usage: Accounts | None = None
        self._tools: dict[str, Tool[Any]] | None = None
        self._rule_book: RuleBook | None = None
        self._trees: dict[Path, str] = {}
        self._housekeeper: asyncio.Task[None] | None = None
        self._warm = False
        self.sandboxes = Sandboxes(
            self.sandbox, self._make_provider, self._apps, pooling=pooling, label=label or "another process"
        )
        self._background: set[asyncio.Task[Any]] = set()
        self._failures: dict[str, str] = {}  # of looking after sessions, as they were told

    # Shared parts, made at first use

    @property
    def data(self) -> Path:
        """The data folder, which nobody else may read."""
        folder = Path(self.data_dir)
        if not self._data_is_private:
            self._data_is_private = True
            with contextlib.suppress(OSError):  # whoever writes there says it, and the log what keeps it open to others
                private_folder(folder)
        return folder

    @property
    def previews(self) -> Previews:
        if self._previews is None:
            from .preview.capabilities import Previews, kept_key

            self._previews = Previews(self.base_url, person=lambda: kept_key(self.data / "visitor.key"))
        return self._previews

    @property
    def catalog(self) -> Catalog:
        """The models and the credentials they need."""
        if self._catalog is None:
            from .models.catalog import Catalog
            from .models.providers import Credentials

            credentials = Credentials(self.data / "providers.json", self.providers)
            pace = None if self.demo_pace < 0 else self.demo_pace
            self._catalog = Catalog(credentials, model=self.model, pace=pace, local=self._local_models())
        return self._catalog

    @property
    def usage(self) -> Accounts:
        """What is used, what it costs, and what may be used.

        Raises ``InvalidInput`` where the configured prices or time zone are none.
        """
        if self._usage is None:
            from .usage.accounts import Accounts
            from .usage.budgets import TRAITS, BudgetSettings
            from .usage.prices import PriceList
            from .usage.quotas import LocalQuotas

            prices = PriceList(self.prices, self.catalog.credentials.base_url)
            configured = {key: float(getattr(self, trait)) for key, trait in TRAITS.items()}
            settings = BudgetSettings(self.data / "budgets.json", configured, self.timezone)
            self._usage = Accounts(prices, settings, self.log_store, LocalQuotas(settings, self.log_store.used))
        return self._usage

    def _local_models(self) -> LocalModels:
        from .models.local.servers import LocalModels

        return LocalModels(
            Path(self.root_dir),
            folders=self.gguf_dirs,
            context=self.local_context,
            idle_seconds=self.local_idle_seconds,
            threads=self.local_threads,
            used=self.data / "gguf-files.json",
        )

    @property
    def tools(self) -> dict[str, Tool[Any]]:
        if self._tools is None:
            from .tools.registry import load_tools

            self._tools = load_tools()
        return self._tools

    @property
    def rule_book(self) -> RuleBook:
        """The approval rules of every app."""
        if self._rule_book is None:
            from .approvals.rule_book import RuleBook

            self._rule_book = RuleBook(self.data / "approval_rules.json", self.approval_rules)
        return self._rule_book

    async def rules_of(self, record: Record | None = None) -> Rules:
        """The approval rules that hold in a session, or in every one. ``Unavailable`` where they cannot be read."""
        from .approvals.judgement import Rules
        from .approvals.rule_book import app_rules

        book = self.rule_book
        return Rules(book.configuration, book.person, app_rules(record.stored) if record else ())

    def templates(self) -> dict[str, Template]:
        """Every template by name, the one of new sessions first."""
        from .templates.templates import find_templates

        found = find_templates(Path(folder).expanduser() for folder in self.template_path)
        return dict(sorted(found.items(), key=lambda item: item[0] != self.template))

    def find_template(self, name: str) -> Template:
        from .templates.templates import find_template

        return find_template(name, [*(Path(folder).expanduser() for folder in self.template_path), self._fetched])

    async def obtain_template(self, wanted: str) -> Template:
        """A template by its name, or the one in a folder or git repository (``fetch_template``): that is copied into
        the data folder, under a name of its own by which sessions find it again.
        """
        from .templates.sources import fetch_template, is_source

        if not is_source(wanted):
            return self.find_template(wanted)
        return await fetch_template(wanted, self._fetched, [Path.cwd(), Path(self.root_dir)])

    @property
    def _fetched(self) -> Path:
        return self.data / "fetched-templates"  # not `templates`: those are listed

    # Sessions

    async def create(
        self,
        *,
        prompt: str = "",
        name: str = "",
        title: str = "",
        template: str = "",
        model: str = "",
        sandbox: str = "",
    ) -> Session:
        """A new session, with its folder, in state *creating*; what is called on it waits until it is *ready*.

        ``prompt`` only serves to find a title and a name; send it with ``Session.send``.
        ``template`` is a name, or where one is: a folder, or a git address (``https://…/repo.git#subfolder``).
        ``sandbox`` is a provider's name, or ``auto``.
        Raises ``InvalidInput`` for a bad name or an unknown sandbox, ``NotFound`` for an unknown template, ``Conflict``
        for a taken name, ``Unavailable`` where ``auto`` finds no sandbox that can be used.
        """
        from .models.demo.recordings import recording_of

        model = model or self.catalog.default()
        recording = recording_of(model, prompt)
        # A recording fits no template but the one it was made on.
        found = await self.obtain_template(template or (recording.template if recording else self.template))
        self.catalog.resolve(model)
        provider = await self.sandboxes.choose(sandbox)
        title = title.strip() or (recording.app_title if recording else title_of(prompt)) or found.title
        tree = await self._tree_of(found)
        made_of = {"template": found.name, "template_tree": tree, "model": model, "sandbox": provider.name}
        summary, events = await self._register(self._reserve(name, title), title, made_of)
        pool = self.sandboxes.pool(provider)
        ready = pool.claim(found) if pool else None
        try:
            session = await self._assemble(summary, events, owned=True, base_path=ready.base_path if ready else None)
        except BaseException:
            if ready:
                await ready.discard()
            raise
        self._sessions[session.id] = session
        self._keep_house()
        begun = session.creation.begin(self._furnish(session, found, ready))
        if ready:
            # A session that is deleted at once may be cancelled before it has begun.
            begun.add_done_callback(lambda _: None if ready.settled else self.in_background(ready.discard()))
        self._expect(found, provider)
        return session

    async def _furnish(self, session: Session, template: Template, ready: Ready | None) -> None:
        """Give a new session its files, then its running preview."""
        app = session.app
        async with self._founding(session) as placed:
            moved = ready is not None and await ready.move(session.id, session.workspace.app)
            if ready and moved:
                await app.take(ready.sandbox)
                await ready.sandbox.allow(session.network.now, session.network.refuse)
            await session.workspace.create(template.files, moved=moved, placed=placed)
            first = (await session.workspace.checkpoints())[0]
            await session.append(checkpoint_draft(first, None), Draft("session.ready"))

    async def fork(
        self,
        source: str,
        *,
        message: int | None = None,
        turn: str = "",
        checkpoint: str = "",
        name: str = "",
        model: str = "",
    ) -> tuple[Session, ForkPoint]:
        """A new session that begins where the session ``source`` (its id) was: before the turn of a message (its
        event's number), before a turn, or after a checkpoint; and what was found there. Give one of the three.

        Its state is *creating* until its files stand; a process that dies meanwhile leaves it *failed*. The source is
        only read: it may be working, or belong to another process. Raises as ``forking.fork_point`` and ``create``.
        """
        from .session.forking import fork_point, fork_title, inherited, names

        origin = await self.log_store.summary(source)
        events = await self.log_store.read(source)
        point = await asyncio.to_thread(fork_point, events, message=message, turn=turn, checkpoint=checkpoint)
        model = model or origin.model
        self.catalog.resolve(model)
        wanted, title = names(origin.name, origin.title)
        folder = self._reserve(name, "", wanted)
        summary, first = await self._register(folder, fork_title(title, folder.name), point.events[0].data)
        drafts = await asyncio.to_thread(inherited, point, events, first[0].data, model)
        session = await self._assemble(summary, first, owned=True)
        self._sessions[session.id] = session
        self._keep_house()
        session.creation.begin(self._branch_off(session, origin, point, drafts))
        return session, point

    async def _branch_off(self, session: Session, origin: Summary, point: ForkPoint, drafts: Sequence[Draft]) -> None:
        """Give a fork its files, what its pages keep, and its log."""
        from .session.forking import copy_storage
        from .workspace import Workspace

        async with self._founding(session) as placed:
            files = Workspace(self.folder_of(origin))
            await session.workspace.branch(files, point.checkpoint, point.tree)
            storage = self.data / "storage"
            await asyncio.to_thread(copy_storage, storage / f"{origin.id}.json", storage / f"{session.id}.json")
            await session.adopt(point.events[1:], drafts)
            placed()  # last: what the app may reach is in the log

    async def _register(self, folder: Path, title: str, made_of: Mapping[str, Any]) -> tuple[Summary, list[Event]]:
        """Store that a session was made, in its new ``folder``. Where that fails, the folder goes."""
        session_id = secrets.token_hex(8)
        place = {"name": folder.name, "title": title, "root": str(folder.parent.parent)}
        created = {**made_of, **place, "path": f"{FOLDER}/{folder.name}"}
        with contextlib.ExitStack() as undoing:
            undoing.callback(folder.rmdir)
            await self.log_store.claim(session_id)
            events = await self.log_store.append(session_id, [Draft("session.created", created)])
            undoing.pop_all()
        return await self.log_store.summary(session_id), events

    @contextlib.asynccontextmanager
    async def _founding(self, session: Session) -> AsyncGenerator[Callable[[], None]]:
        """Make a new session's folder in this block. It gets what to call when the app's files lie in place. What goes
        wrong ends the session's making."""

        def placed() -> None:
            session.creation.files_ready.set()
            self.in_background(session.app.ensure())

        try:
            yield placed
        except AppBuilderError as error:
            await session.append(Draft("session.failed", {"message": error.message, "hint": error.hint}))
            raise
        except Exception as error:
            message = f"The session's folder could not be made: {error}"
            await session.append(Draft("session.failed", {"message": message, "hint": "See the server's log."}))
            raise
        finally:
            session.creation.files_ready.set()

    async def session(self, session_id: str) -> Session:
        """A session by id. Taken over (and repaired, if its last owner died) when no other process owns it."""
        while True:
            await self._left(session_id)
            async with self._opening:
                if session_id not in self._leaving:
                    return await self._open(session_id)

    async def _open(self, session_id: str) -> Session:
        session = self._sessions.get(session_id)
        if session is not None and (session.owned or await self.log_store.owner_of(session_id)):
            return session
        summary = await self.log_store.summary(session_id)
        owned = await self.log_store.claim(session_id)
        if session is not None and not owned:
            return session
        if session is not None:
            # It was only watched; its owner is gone.
            await session.close()
        events = await self.log_store.read(session_id)
        # Its owner may have stored more since the summary was read.
        summary = fold(summary, [event for event in events if event.seq > summary.last_seq])
        session = await self._assemble(summary, events, owned=owned)
        self._sessions[session_id] = session
        self._keep_house()
        if owned:
            try:
                await session.recover(resume=self.resuming)
                # It may have been open, and so not written, when its last owner ended.
                session.notebook.changed()
            except BaseException:
                del self._sessions[session_id]
                await self.log_store.release(session_id)
                raise
        return session

    async def find(self, name: str) -> Session:
        """A session by id or by its folder's name (the newest of that name)."""
        for summary in await self.log_store.summaries():
            if name in (summary.id, summary.name):
                return await self.session(summary.id)
        raise NotFound(
            f"There is no app {name!r}.", hint="List them: jupyter appbuilder list", reason="unknown_session"
        )

    async def named(self, name: str) -> Summary | None:
        """The session whose folder has that name below our root; None where there is none."""
        summaries = [summary for summary in await self.log_store.summaries() if summary.name == name]

        def find() -> Summary | None:
            folder = Path(self.root_dir).resolve() / FOLDER / name
            return next((summary for summary in summaries if self.folder_of(summary) == folder), None)

        return await asyncio.to_thread(find)

    async def sessions(self, search: str = "") -> list[dict[str, Any]]:
        """Every session's summary as JSON, the latest first."""
        self._warm_up()
        if self.pooling:
            with contextlib.suppress(AppBuilderError):
                self._expect(self.find_template(self.template), self.sandboxes.provider())
        return [self.describe(summary) for summary in await self.log_store.summaries(search)]

    async def delete(self, session_id: str, *, files: bool = False) -> None:
        """Forget a session; with ``files``, delete its folder too. Stops whatever runs in it."""
        session = await self.session(session_id)
        session.require_owned()
        with self._leave(session_id):
            with contextlib.suppress(Unavailable):  # a full disk: deleting makes room
                await session.stop()
                await session.append(Draft("session.ended"))
            self._sessions.pop(session_id, None)
            await session.shut(keep_notebook=not files)
            if files:
                from .workspace.folder import remove_folder

                await asyncio.to_thread(remove_folder, session.workspace.folder)
            await asyncio.to_thread(session.app.storage.clear)
            await self.log_store.delete(session_id)

    async def release(self, session_id: str) -> None:
        """Stop what runs in a session and let other processes have it. It can be opened again."""
        await self._left(session_id)
        if session := self._sessions.pop(session_id, None):
            with self._leave(session_id):
                await session.close()

    @contextlib.contextmanager
    def _leave(self, session_id: str) -> Generator[None]:
        """While a session is closed or deleted, who wants to open it waits: two objects would write into one folder."""
        left = self._leaving[session_id] = asyncio.Event()
        try:
            yield
        finally:
            del self._leaving[session_id]
            left.set()

    async def _left(self, session_id: str) -> None:
        while leaving := self._leaving.get(session_id):
            await leaving.wait()

    async def recover(self) -> None:
        """Close the turns that a process which died left open. Called once when a server starts; what cannot be stored
        now is tried again."""
        told: set[str] = set()
        while True:
            failed = False
            for summary in await self.log_store.summaries():
                if summary.state in ("busy", "waiting", "creating") and not await self.log_store.owner_of(summary.id):
                    try:
                        await self.session(summary.id)
                    except AppBuilderError as error:
                        failed = failed or isinstance(error, Unavailable)
                        if summary.id not in told:
                            told.add(summary.id)
                            self.log.warning("Session %s could not be recovered: %s", summary.id, error)
            if not failed:
                return
            await asyncio.sleep(RECOVER_SECONDS)

    @property
    def busy(self) -> bool:
        """Whether a turn runs in any session."""
        return any(session.busy for session in self._sessions.values())

    async def close(self) -> None:
        """Stop everything that runs; sessions can be opened again."""
        if self._housekeeper is not None:
            self._housekeeper.cancel()
        for task in self._background:
            task.cancel()
        sessions, self._sessions = list(self._sessions.values()), {}
        # Notebooks first: whoever ends this process may not wait until everything has stopped.
        written = (session.notebook.flush() for session in sessions if session.owned)
        await asyncio.gather(*written, return_exceptions=True)
        await asyncio.gather(*(session.close() for session in sessions), return_exceptions=True)
        await self.sandboxes.close()
        if self._catalog and self._catalog.local:
            await self._catalog.local.close()
        await self.log_store.close()

    def _warm_up(self) -> None:
        """Import what a session needs, in a thread: whoever looks at the list is about to open one."""
        if not self._warm:
            self._warm = True
            self.in_background(asyncio.to_thread(lambda: [import_module(part, __package__) for part in PARTS]))

    # Views

    def describe(self, summary: Summary, record: Record | None = None, notebook: str = "") -> dict[str, Any]:
        """A summary as the API shows it. Paths are the file browser's, None where it does not show the folder.

        ``record`` and ``notebook`` (its file's name) are those of the session, where it is open.
        """
        session = self._sessions.get(summary.id)
        if record is None and session:
            record, notebook = session.record, session.notebook.path.name
        path = self.browser_path(self.folder_of(summary))
        trouble = record.trouble if record else None
        # What ended is not busy, even while the log cannot be told so.
        state = {"state": "ready"} if record and record.cut_short else {}
        return (
            summary.to_json()
            | state
            | {
                "path": path,
                "app_path": path and f"{path}/app",
                "notebook": path and f"{path}/{notebook or summary.name + '.ipynb'}",
                "owned": record.owned if record else True,
                "app": session.app.server.state if session else "stopped",
                "trouble": trouble and {"message": trouble.message, "hint": trouble.hint},
            }
        )

    def browser_path(self, folder: Path) -> str | None:
        """The path by which the file browser has a folder, None where it does not show it."""
        root = Path(self.root_dir) if isinstance(self._browsed, str) else self._browsed
        if root is None or not folder.is_relative_to(root.resolve()):
            return None
        path = folder.relative_to(root.resolve())
        return None if any(part.startswith(".") for part in path.parts) else path.as_posix()  # it shows none that hide

    @property
    def shelf(self) -> Path:
        """The folder in which apps are made. ``misplaced`` says whether that can be."""
        return Path(self.root_dir).expanduser().resolve() / FOLDER

    def misplaced(self) -> Unavailable | None:
        """Why no app can be made where apps go."""
        hint = (
            "Set c.AppBuilder.root_dir to a folder that can be written to (on the command line: --root; in a notebook: "
            "APPBUILDER_ROOT)."
        )
        if not self.root_dir:
            message = "Apps have no folder yet: this server keeps its files elsewhere than on this machine."
            return Unavailable(message, hint=hint, reason="no_folder")
        if not can_make(self.shelf):
            message = f"Apps cannot be made in {self.shelf}: that folder cannot be written to."
            return Unavailable(message, hint=hint, reason="no_folder")
        return None

    async def _assemble(
        self, summary: Summary, events: list[Event], *, owned: bool, base_path: str | None = None
    ) -> Session:
        from .assembly import assemble

        return await assemble(self, summary, events, owned=owned, base_path=base_path)

    def folder_of(self, summary: Summary) -> Path:
        """A session's folder. When its root has moved (another home, a copied disk), it is looked for below ours."""
        made_in = Path(summary.root, summary.path)
        below_ours = Path(self.root_dir).resolve() / summary.path
        return below_ours if not made_in.is_dir() and below_ours.is_dir() else made_in

    def _reserve(self, name: str, title: str, wanted: str = "") -> Path:
        check_name(name)
        if problem := self.misplaced():
            raise problem
        return reserve(self.shelf, name, wanted or slug(title))

    async def _tree_of(self, template: Template) -> str:
        if template.files not in self._trees:
            from .workspace.archive import tree_of

            self._trees[template.files] = await asyncio.to_thread(tree_of, template.files)
        return self._trees[template.files]

    # Sandboxes

    def _make_provider(self, provider: Callable[..., SandboxProvider]) -> SandboxProvider:
        return provider(self.data / "cache", allow=self.egress_hosts, parent=self)

    def _apps(self) -> list[tuple[RunningApp, str]]:
        """The app of every session, with its name."""
        return [(session.app, session.summary.name) for session in self._sessions.values()]

    def _expect(self, template: Template, provider: SandboxProvider) -> None:
        """Somebody is there, and may want a new app from ``template`` soon."""
        if self.misplaced():
            return
        if listening := self.sandboxes.expect(template, provider, self.shelf, self.previews.reserve):
            self.in_background(listening)

    # Housekeeping

    def in_background(self, work: Any) -> None:
        """Let something run by itself; its failure is logged."""

        async def run() -> None:
            try:
                await work
            except AppBuilderError as error:
                self.log.warning("%s", error)
            except Exception:
                self.log.exception("Background work failed")

        task = asyncio.ensure_future(run())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _keep_house(self) -> None:
        if self._housekeeper is None or self._housekeeper.done():
            self._housekeeper = asyncio.get_running_loop().create_task(self._keep())

    async def _keep(self) -> None:
        renewed = time.monotonic()
        looking: dict[str, asyncio.Task[None]] = {}
        failure = ""
        try:
            while True:
                await asyncio.sleep(WATCH_SECONDS)
                try:
                    sessions = list(self._sessions.values())
                    if self.busy or any(time.monotonic() - s.app.used_at < WATCH_SECONDS for s in sessions):
                        self.sandboxes.stay()
                    # Each by itself: one that fails, or hangs on a disk that is gone, is no other's concern.
                    looking = {id: task for id, task in looking.items() if not task.done()}
                    for session in sessions:
                        if session.id not in looking:
                            looking[session.id] = asyncio.create_task(self._look_after(session))
                    if time.monotonic() - renewed > LEASE_SECONDS / 3:
                        await self.log_store.renew()
                        renewed = time.monotonic()
                    failure = ""
                except Exception as error:
                    if failure != (failure := str(error)):
                        self.log.exception("Housekeeping failed; going on")
        finally:
            for task in looking.values():
                task.cancel()

    async def _look_after(self, session: Session) -> None:
        """What a session needs from time to time. What fails is said once, and tried again."""
        try:
            try:
                if session.channel.watched or session.trouble:
                    await session.look_for_edits()
            except (AppBuilderError, OSError) as error:
                session.trouble_with(error)
            if session.owned:
                await session.app.notice()
            idle = min(time.monotonic() - session.app.used_at, self.previews.unused(session.id))
            if session.owned and not session.busy and not session.channel.watched and idle > self.idle_seconds:
                await session.app.sleep()
        except Exception as error:
            if self._failures.get(session.id) != (failure := f"{type(error).__name__}: {error}"):
                self._failures[session.id] = failure
                self.log.exception("Looking after session %s failed; going on", session.id)
        else:
            self._failures.pop(session.id, None)


def can_make(folder: Path) -> bool:
    """Whether ``folder`` is there and takes files, or can be made."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
