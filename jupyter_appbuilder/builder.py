"""AppBuilder: the configuration, and the one place where the parts are put together.

The server extension, the command line and a notebook kernel all use this class, so that a session is the same thing in
each. Importing this module is cheap: parts are imported when the first session needs them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from traitlets import Bool, Dict, Enum, Float, Int, List, TraitError, Unicode, default, validate
from traitlets.config import LoggingConfigurable

from .apps.sandboxes import Sandboxes
from .errors import InvalidInput
from .log import EventStore, Owner, SqliteEventStore
from .publishing.base import GATE_KINDS
from .session.background import Background
from .session.housekeeping import Housekeeping
from .session.making import Maker
from .session.places import Places
from .session.preparation import Preparation
from .session.sessions import Sessions
from .settings import default_data_dir, private_folder
from .templates.library import TemplateLibrary

if TYPE_CHECKING:
    from .approvals.judgement import Rules
    from .approvals.rule_book import RuleBook
    from .apps.network import HostSource
    from .apps.running import RunningApp
    from .attachments.shelf import Shelf
    from .databases.postgres import PostgresServer
    from .datasets.store import DatasetStore
    from .eyes.base import Eye
    from .eyes.chromium import Browsers
    from .log.pictures import Pictures
    from .models.catalog import Catalog
    from .models.local.servers import LocalModels
    from .models.profile import Choice
    from .preview.capabilities import Previews
    from .publishing.look_service import LookService
    from .publishing.readers import Readers
    from .publishing.shelf import Shelf as PublishedShelf
    from .refreshing.shelf import Refreshes
    from .sandbox.base import SandboxProvider, Walls
    from .session.assembly import Parts
    from .session.due import DueRuns
    from .session.looks import Looks
    from .session.record import Record
    from .tools.base import Tool
    from .usage.accounts import Accounts
    from .usage.hub import HubQuotas, HubService
    from .usage.hub_rules import HubRules
    from .usage.prices import PriceList
    from .usage.quotas import LocalQuotas
    from .vault import Vault
    from .vault.vault import Kind


class AppBuilder(LoggingConfigurable):
    """Builds apps: the settings, and the parts that are made with them. Sessions are asked for here: ``create``,
    ``fork``, ``session``, ``find``, ``sessions``, ``release``, ``delete``."""

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
    hub_counts = List(
        Unicode(),
        help="""Providers, such as "vllm", whose requests do not pass the JupyterHub's service and count in its budgets
        all the same.""",
    ).tag(config=True)
    hub_grace = Float(
        0.0,
        min=0.0,
        help="""US dollars that those may use while the service does not answer; it is told of them when it does. 0:
        none is allowed then.""",
    ).tag(config=True)
    hub_rules_required = Bool(
        False,
        help="""Whether a turn only starts while the JupyterHub's service, which has the rules for all servers, answered
        within the last minutes. Otherwise the rules that it gave last hold while it is away.""",
    ).tag(config=True)
    compact_at = Int(
        0,
        help="""Tokens of history at which it is shortened to a summary. Default: by the model's context window, at most
        96,000.""",
    ).tag(config=True)
    demo_pace = Float(
        -1.0, help="Seconds between the pieces of a recorded answer; 0 is at once. Default: its own pace."
    ).tag(config=True)
    database = Unicode(
        help="""A PostgreSQL server for the databases of new apps, by the address of who may make databases and roles
        there: `postgresql://admin:password@host/postgres`. The password may come from the environment, as PGPASSWORD.
        Default: a SQLite file in each app."""
    ).tag(config=True)
    secrets = Enum(
        ("auto", "keyring", "file"),
        "auto",
        help="""Where secrets of apps are kept: the system's `keyring` (needs the extra `keyring`), an encrypted `file`
        in the data folder, or `auto`: the keyring where there is one, else the file.""",
    ).tag(config=True)
    browser = Unicode(
        help="""The browser that looks at apps: the path of a Chromium, or `none`. Default: the first there is of
        chromium-headless-shell, chromium, Google Chrome, Playwright's own, and what `jupyter appbuilder doctor
        --install-browser` installed. It runs behind the sandbox's wall."""
    ).tag(config=True)
    browsers = Int(2, help="Browsers that look at apps at once; others wait.").tag(config=True)
    pictures_mb = Int(
        500, help="Megabytes of pictures of apps that are kept; which nobody looked at for long go first."
    ).tag(config=True)
    publish_hard = List(
        Enum((*GATE_KINDS, "check")),
        help="""What is never published, whatever reason a person gives: `secret`, `personal_data`, `open_function`,
        `other_host`, `source_map`, `accessibility`, `not_looked_at`, `check` (the built app does not work).""",
    ).tag(config=True)
    refresh_scheduled = Bool(
        True,
        help="""A Jupyter server refreshes data of published apps when their schedules say so, while it is up. Off where
        something else does: `jupyter appbuilder refresh --due`.""",
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

    @validate("providers")
    def _check_providers(self, proposal: Any) -> dict[str, Any]:
        from .models.providers import check_configured

        try:
            check_configured(proposal["value"])
        except InvalidInput as error:
            raise TraitError(f"c.AppBuilder.providers: {error}") from None
        return proposal["value"]

    @validate("database")
    def _check_database(self, proposal: Any) -> str:
        from .databases.postgres.address import address_of

        try:
            if proposal["value"]:
                address_of(proposal["value"])
        except InvalidInput as error:
            # Traitlets would add the value, and with it the password.
            raise TraitError(f"c.AppBuilder.database: {error}") from None
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
        owner = Owner(label or "another Jupyter App Builder process")
        self.log_store: EventStore = SqliteEventStore(Path(self.data_dir) / "log.db", owner)
        self.background = Background(self.log)
        self.places = Places(lambda: self.root_dir, browsed)
        self.library = TemplateLibrary(
            self.template,
            self.template_path,
            lambda: self.data / "fetched-templates",  # not `templates`: those are listed
            lambda: [Path.cwd(), Path(self.root_dir)],
            lambda: self.data / "templates.json",
        )
        self.sandboxes = Sandboxes(
            self.sandbox,
            self._make_provider,
            lambda: self._sessions.apps(),
            pooling=pooling,
            label=label or "another process",
        )
        on_server = bool(self.database)
        preparation = Preparation(
            self.sandboxes,
            self.library,
            self.places,
            lambda: self.previews,
            self.background,
            pooling=pooling,
            on_server=on_server,
        )
        housekeeping = Housekeeping(
            self.log_store, self.sandboxes, lambda session: self.previews.unused(session), self.idle_seconds, self.log
        )
        self._sessions = Sessions(
            self.log_store,
            self.places,
            lambda: self._parts,
            housekeeping,
            preparation,
            self.log,
            resuming=resuming,
        )
        self.sandboxes.acts["expose"] = self._sessions.expose
        self.sandboxes.required = lambda: self.hub_rules.sandbox
        self.library.check = lambda name: self.hub_rules.check_template(name)
        self.library.allows = lambda name: self.hub_rules.allows_template(name)
        maker = Maker(
            self._sessions,
            self.log_store,
            self.places,
            self.library,
            self.sandboxes,
            lambda: self.catalog,
            lambda: self._storage,
            preparation,
            self.background,
            on_server=on_server,
        )
        # What is asked of an AppBuilder, these parts do.
        self.create, self.fork = maker.create, maker.fork
        self.session, self.find, self.named = self._sessions.open, self._sessions.find, self._sessions.named
        self.tail = self._sessions.tail
        self.sessions, self.describe = self._sessions.overview, self._sessions.describe
        self.listed, self.organize = self._sessions.listed, self._sessions.organize
        self.delete, self.release, self.recover = self._sessions.delete, self._sessions.release, self._sessions.recover

    # Shared parts, made at first use

    @cached_property
    def data(self) -> Path:
        """The data folder, which nobody else may read."""
        folder = Path(self.data_dir)
        with contextlib.suppress(OSError):  # whoever writes there says it, and the log what keeps it open to others
            private_folder(folder)
        return folder

    @property
    def _storage(self) -> Path:
        return self.data / "storage"

    @cached_property
    def previews(self) -> Previews:
        from .preview.capabilities import Previews, kept_key

        return Previews(self.base_url, person=lambda: kept_key(self.data / "visitor.key"))

    @cached_property
    def pictures(self) -> Pictures:
        """Pictures of apps, as tools took them."""
        from .log.pictures import Pictures

        return Pictures(self.data, self.pictures_mb * 1024 * 1024)

    async def picture(self, sha256: str) -> bytes | None:
        """A picture of an app's, or one that came with a message; None where it is no longer kept."""
        return await self._parts.picture(sha256)

    @cached_property
    def shelf(self) -> Shelf:
        """Files that were handed in for a message that is being written."""
        from .attachments.shelf import Shelf

        return Shelf(self.data)

    @cached_property
    def datasets(self) -> DatasetStore:
        """Rows that people handed to apps, beside the log."""
        from .datasets.store import DatasetStore

        return DatasetStore(self.data)

    @cached_property
    def vault(self) -> Vault:
        """Secrets of apps."""
        from .vault import Vault

        return Vault(self.data / "secrets", cast("Kind", self.secrets))

    @cached_property
    def published(self) -> PublishedShelf:
        """What apps were published as."""
        from .publishing.shelf import Shelf

        return Shelf(self.data / "published")

    @cached_property
    def refreshes(self) -> Refreshes:
        """When data of published apps are refreshed, and what came of it."""
        from .refreshing.shelf import Refreshes

        return Refreshes(self.data / "refreshes")

    @cached_property
    def readers(self) -> Readers:
        """Who reads apps that are published on this server."""
        from .publishing.readers import Readers

        return Readers(self.base_url, self.published)

    @cached_property
    def looks(self) -> Looks:
        """Links by which other people look at sessions."""
        from .session.looks import Looks

        return Looks(self.data)

    @property
    def look_service(self) -> LookService | None:
        """The JupyterHub's service, which says who looks; None where there is none."""
        from .models.providers import HUB

        credentials = self.catalog.credentials
        if not (credentials.is_configured(HUB) and credentials.api_key(HUB)):
            return None
        from .publishing.look_service import LookService

        return LookService(credentials.base_url(HUB), credentials.api_key(HUB))

    @cached_property
    def postgres(self) -> PostgresServer | None:
        """The server of ``database``; None where databases are files."""
        if not self.database:
            return None
        from .databases.postgres import Leavings, PostgresServer
        from .databases.postgres.address import address_of

        return PostgresServer(address_of(self.database), Leavings(self.data / "databases-to-drop"))

    @cached_property
    def browsers_that_look(self) -> Browsers:
        """How browsers that look at apps are started."""
        from .eyes.chromium import Browsers

        return Browsers(lambda: cast("Walls", self.sandboxes.provider("local")), self.browser, self.data, self.browsers)

    def make_eye(self, app: RunningApp) -> Eye:
        """Who looks at an app's page: a browser, else the person's own preview."""
        from .eyes.choice import FirstEye
        from .eyes.chromium import Chromium

        browser = Chromium(self.browsers_that_look, app.session, lambda: app.base_path, app.server_at, app.in_source)
        return FirstEye(browser, app.preview_eye)

    @cached_property
    def catalog(self) -> Catalog:
        """The models and the credentials they need."""
        from .models.catalog import Catalog
        from .models.providers import Credentials

        credentials = Credentials(self.data / "providers.json", self.providers)
        pace = None if self.demo_pace < 0 else self.demo_pace
        found = Catalog(credentials, model=self.model, pace=pace, local=self._local_models())
        found.check, found.allows = self.hub_rules.check_model, self.hub_rules.allows_model
        return found

    @cached_property
    def usage(self) -> Accounts:
        """What is used, what it costs, and what may be used.

        Raises ``InvalidInput`` where the configured prices or time zone are none.
        """
        from .usage.accounts import Accounts
        from .usage.budgets import TRAITS, BudgetSettings
        from .usage.prices import PriceList
        from .usage.quotas import LocalQuotas

        prices = PriceList(self.prices, self.catalog.credentials.base_url)
        configured = {key: float(getattr(self, trait)) for key, trait in TRAITS.items()}
        settings = BudgetSettings(self.data / "budgets.json", configured, self.timezone)
        settings.stricter = lambda key, value: self.hub_rules.least(TRAITS[key], value)
        local = LocalQuotas(settings, self.log_store.used)
        return Accounts(prices, settings, self.log_store, self._hub_quotas(local, prices) or local)

    @cached_property
    def hub_rules(self) -> HubRules:
        """The rules that a JupyterHub's administrators gave."""
        from .usage.hub_rules import HubRules

        return HubRules(self.data / "hub-rules.json", required=self.hub_rules_required)

    def _hub_service(self) -> HubService | None:
        """A JupyterHub's service, where there is one."""
        from .models.providers import HUB

        credentials = self.catalog.credentials
        if not (credentials.is_configured(HUB) and credentials.api_key(HUB)):
            return None
        from .usage.hub import HubService

        return HubService(credentials.base_url(HUB), credentials.api_key(HUB))

    async def report_to_hub(self) -> None:
        """Tell a JupyterHub's service what runs here, do what it says and keep to its rules, until this is cancelled.
        Returns at once where there is none."""
        if not os.environ.get("APPBUILDER_HUB_URL") or (service := self._hub_service()) is None:
            return
        from .session.reporting import HubReporter

        server = os.environ.get("JUPYTERHUB_SERVER_NAME", "")
        await HubReporter(service, self._sessions, self.published, self.hub_rules, server).run()

    def _hub_quotas(self, local: LocalQuotas, prices: PriceList) -> HubQuotas | None:
        """The budgets of a JupyterHub's service, where there is one."""
        service = self._hub_service()
        if service is None:
            return None
        from .usage.hub import HubQuotas

        service.on_prices = prices.learn
        file = self.data / "hub.json"
        return HubQuotas(local, service, self.log_store, file, self.hub_counts, self.hub_grace)

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

    @cached_property
    def tools(self) -> dict[str, Tool[Any]]:
        from .tools.registry import load_tools

        return load_tools()

    @cached_property
    def rule_book(self) -> RuleBook:
        """The approval rules of every app."""
        from .approvals.rule_book import RuleBook

        return RuleBook(self.data / "approval_rules.json", self.approval_rules)

    async def rules_of(self, record: Record | None = None) -> Rules:
        """The approval rules that hold in a session, or in every one. ``Unavailable`` where they cannot be read."""
        from .approvals.judgement import Rules
        from .approvals.rule_book import app_rules
        from .approvals.rules import read_rules

        book = self.rule_book
        of_all = (*book.configuration, *read_rules(self.hub_rules.lines("approval_rules")))
        return Rules(of_all, book.person, app_rules(record.stored) if record else ())

    @cached_property
    def due(self) -> DueRuns:
        """The runs that schedules ask for."""
        from .session.due import DueRuns

        return DueRuns(self.refreshes, self.session, self._sessions.opened, self.release)

    @cached_property
    def _parts(self) -> Parts:
        from .session.assembly import Parts

        return Parts(
            log_store=self.log_store,
            places=self.places,
            library=self.library,
            sandboxes=self.sandboxes,
            previews=self.previews,
            storage=self._storage,
            make_eye=self.make_eye,
            tools=self.tools,
            rules_of=self.rules_of,
            pictures=self.pictures,
            datasets=self.datasets,
            vault=self.vault,
            published=self.published,
            refreshes=self.refreshes,
            looks=self.looks,
            publish_hard=lambda: self.hub_rules.lines("publish_hard", self.publish_hard),
            postgres=self.postgres,
            catalog=self.catalog,
            usage=lambda: self.usage,
            egress_hosts=self._hosts,
            diagnostics=self.diagnostics,
            profile=cast("Choice", self.profile),
            compact_at=self.compact_at,
            max_steps=lambda: int(self.hub_rules.least("max_steps", self.max_steps)),
            max_seconds=lambda: self.hub_rules.least("max_seconds", self.max_seconds),
        )

    def _hosts(self) -> Mapping[str, HostSource]:
        """Which hosts every app may reach, and who says so."""
        of_hub = dict.fromkeys(self.hub_rules.lines("egress_hosts"), "hub")
        return cast("Mapping[str, HostSource]", {**of_hub, **dict.fromkeys(self.egress_hosts, "configuration")})

    def _make_provider(self, provider: Callable[..., SandboxProvider]) -> SandboxProvider:
        return provider(self.data / "cache", allow=[*self._hosts()], parent=self)

    @property
    def busy(self) -> bool:
        """Whether a turn runs in any session."""
        return self._sessions.busy

    async def close(self) -> None:
        """Stop everything that runs; sessions can be opened again."""
        self.background.close()
        await self._sessions.close()
        await self.sandboxes.close()
        if "catalog" in vars(self) and self.catalog.local:
            await self.catalog.local.close()
        await self.log_store.close()
