"""``jupyter appbuilder hub``: the service's configuration, its parts, and its web server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from tornado.httpserver import HTTPServer
from tornado.web import Application as WebApplication
from tornado.web import HTTPError, RequestHandler
from traitlets import Bool, Dict, Float, Integer, List, Unicode
from traitlets.config import Application

from .._version import __version__
from ..errors import InvalidInput, Unavailable
from ..log.lease import Owner
from ..settings import close_to_others
from ..usage.days import zone
from ..usage.hub_rules import read_rules
from .base import HubHandler
from .database import Database, open_database
from .gateway import FIELDS, NOTE_SECONDS, CompletionsHandler, Gateway, ModelsHandler
from .ledger import Ledger, micros, read_late
from .metrics import Metrics, MetricsHandler
from .models import read_models
from .reporting import BUSY_SECONDS, IDLE_SECONDS, Reports, read_report
from .rules import RuleBook

if TYPE_CHECKING:
    from jupyterhub.services.auth import HubOAuth

    from .people import People

CONFIG = "appbuilder_hub_config.py"
BODY = 2 * 1024 * 1024  # bytes of a request
MODEL_BODY = 20 * 1024 * 1024  # of one to a model, which may hold pictures
REPORT = 1_000_000  # bytes of a server's report
LEFT_EVERY = 30.0  # seconds between looks for what services that ended left
ALIVE_EVERY = 10.0
SEEN_SECONDS = 1.0  # between notes of who was seen

log = logging.getLogger(__name__)


@dataclass
class Hub:
    """What the service is made of, for its handlers: ``handler.hub``."""

    settings: HubService
    database: Database
    ledger: Ledger
    people: People
    gateway: Gateway
    reports: Reports
    rules: RuleBook
    metrics: Metrics
    prefix: str
    tasks: set[asyncio.Task[None]] = field(default_factory=set["asyncio.Task[None]"])

    def keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this beside everything else, until the service ends."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def close(self) -> None:
        await self.gateway.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.database.close()


class HealthHandler(HubHandler):
    """For probes, without a login: 200 while the service and its database answer. Says nothing else."""

    async def get(self) -> None:
        try:
            async with asyncio.timeout(5):
                await self.hub.database.read("SELECT 1 AS one")
        except (Unavailable, TimeoutError):
            self.set_status(503)
            self.finish({"status": "database unavailable"})
            return
        self.finish({"status": "ok"})


class MeHandler(HubHandler):
    """What a server of a user's asks: who its token is, and what may still be spent."""

    async def get(self) -> None:
        person = await self.person()
        quotas = await self.hub.ledger.quotas(person)
        self.finish(
            {
                "name": person.name,
                "groups": person.groups,
                "admin": person.admin,
                "timezone": self.hub.ledger.timezone,
                "quotas": [quota.to_json() for quota in quotas],
                "prices": {model.name: model.price for model in await self.hub.gateway.offered(person)},
            }
        )


class UsageHandler(HubHandler):
    """What a server of a user's used without passing here: counted once, however often it is told."""

    async def post(self) -> None:
        person = await self.person()
        try:
            told = read_late(json.loads(self.request.body), time.time())
        except (ValueError, RecursionError):
            raise InvalidInput("The request is not JSON.", field="body") from None
        self.finish({"new": await self.hub.ledger.add_late(person, told)})


class ReportHandler(HubHandler):
    """What a server of a user's says of itself; answered with what it is to do, and with the rules if it has others."""

    async def post(self) -> None:
        person = await self.person()
        if len(self.request.body) > REPORT:
            raise InvalidInput(f"A report is of at most {REPORT:,} bytes.", field="body")
        try:
            said: Any = json.loads(self.request.body)
        except (ValueError, RecursionError):
            raise InvalidInput("The request is not JSON.", field="body") from None
        report = read_report(said, time.time())
        orders = await self.hub.reports.take(person, report)
        rules = await self.hub.rules.given()
        self.finish(
            {
                "orders": [order.to_json() for order in orders],
                "rules": rules if rules["version"] != report.rules else None,
                "seconds": BUSY_SECONDS if report.running else IDLE_SECONDS,
            }
        )


class ReadyHandler(HealthHandler):
    """The same as health: whether it can be sent requests."""


class LiveHandler(HubHandler):
    """For probes: the process answers. A database that is away is no reason to kill it."""

    async def get(self) -> None:
        self.finish({"status": "ok"})


class UnknownHandler(HubHandler):
    """Whatever is not there, for those who may know."""

    async def prepare(self) -> None:
        await self.person()
        raise HTTPError(404, "There is no such page.")


def handlers(prefix: str) -> list[tuple[str, type[RequestHandler]]]:
    """Every route of the service, below ``prefix`` ("/services/appbuilder/")."""
    from jupyterhub.services.auth import HubOAuthCallbackHandler

    return [
        (f"{prefix}health", HealthHandler),
        (f"{prefix}oauth_callback", HubOAuthCallbackHandler),
        (f"{prefix}api/me", MeHandler),
        (f"{prefix}api/usage", UsageHandler),
        (f"{prefix}api/report", ReportHandler),
        (f"{prefix}health/live", LiveHandler),
        (f"{prefix}health/ready", ReadyHandler),
        (f"{prefix}metrics", MetricsHandler),
        (f"{prefix}v1/models", ModelsHandler),
        (f"{prefix}v1/chat/completions", CompletionsHandler),
    ]


class HubService(Application):
    """The service beside a JupyterHub: models behind its own keys, budgets, and the administrator's pages."""

    name = "jupyter-appbuilder-hub"
    description = Unicode("Models for everybody on a JupyterHub, behind the service's own keys and budgets.")
    version = __version__

    config_file = Unicode(CONFIG, help="The configuration: Python, as jupyterhub_config.py.").tag(config=True)
    database = Unicode(
        "sqlite:///appbuilder-hub.sqlite",
        help="Where users, budgets and usage are kept: sqlite:///FILE (relative to where the service is started), or "
        "postgresql://user:password@host:5432/database. A password may come from PGPASSWORD or ~/.pgpass instead.",
    ).tag(config=True)
    timezone = Unicode(
        "UTC", help='When days and months of budgets begin, e.g. "Europe/Berlin". People are told it with each limit.'
    ).tag(config=True)
    told_a_day = Float(
        10.0,
        min=0.0,
        help="Dollars that a person's server may tell of a day as used without the gateway (c.AppBuilder.hub_counts). "
        "What is told beyond is not counted: it counts in budgets that others share.",
    ).tag(config=True)
    token_seconds = Float(
        5.0,
        min=0.0,
        max=60.0,
        help="For how long the Hub's answer about a token is taken: a revoked one works this long at most.",
    ).tag(config=True)
    hub_grace_seconds = Float(
        120.0, min=0.0, help="The same while the Hub does not answer (it restarts), for tokens that it knew."
    ).tag(config=True)
    providers = Dict(
        help="Endpoints in OpenAI's format, by name: 'base_url'; 'key_env' (a variable of the service's environment), "
        "'key_file' or 'key'; 'headers'; 'limit_field' (max_tokens, max_completion_tokens or '' for none)."
    ).tag(config=True)
    models = Dict(
        help="Models as people see them, by name: 'provider'; 'model' (its name there); 'groups' that may use it "
        "(default: everybody); 'price': (input, output, cached input) in US dollars per million tokens, where "
        "genai-prices knows none; 'max_output' and 'context_window' in tokens; 'fallback': names of others, of which "
        "the first that the person may use is asked once where this one does not answer."
    ).tag(config=True)
    request_fields = List(
        Unicode(), help="Fields of requests that are let through beside the usual ones. Some cost what no budget sees."
    ).tag(config=True)
    requests_per_person = Integer(8, min=1, help="Requests to models that one person may have at once.").tag(
        config=True
    )
    requests_at_once = Integer(1000, min=1, help="Requests to models that all may have at once.").tag(config=True)
    connect_seconds = Float(10.0, min=0.1, help="For a connection to a provider.").tag(config=True)
    first_byte_seconds = Float(
        300.0, min=0.1, help="Until a provider begins to answer. Servers that load a model first take minutes."
    ).tag(config=True)
    between_seconds = Float(
        300.0, min=0.1, help="Between two pieces of an answer. Some models think for minutes without a word."
    ).tag(config=True)
    body_bytes = Integer(MODEL_BODY, min=100_000, help="The largest request to a model that is taken.").tag(config=True)

    admin_groups = List(
        Unicode(), help="Groups whose members may see the administrator's pages, beside the Hub's admins."
    ).tag(config=True)
    rules = Dict(help="Rules for every server, which the administrator's page cannot change: see docs/hub.md.").tag(
        config=True
    )
    rules_required = Bool(
        False, help="Whether a server that never got the rules starts no turn. Else its own configuration holds."
    ).tag(config=True)
    cookie_secret_file = Unicode(
        "appbuilder-hub-cookie-secret",
        help="Where the key is kept that signs the logins of the administrators' pages: made when it is missing, "
        "readable by its owner alone. Without it everybody logs in anew when the service restarts.",
    ).tag(config=True)
    metrics_token = Unicode(
        help="What Prometheus sends as a bearer token. Better a file, read in the configuration."
    ).tag(config=True)

    aliases = {"config": "HubService.config_file", "database": "HubService.database"}  # noqa: RUF012
    flags = {}  # noqa: RUF012

    def initialize(self, argv: Sequence[str] | None = None) -> None:
        self.parse_command_line(list(argv) if argv is not None else None)
        asked = self.cli_config
        path = Path(self.config_file)
        if path.exists():
            self.load_config_file(path.name, path=str(path.parent.resolve()))
            self.update_config(asked)
        elif self.config_file != CONFIG:
            raise InvalidInput(f"There is no configuration {self.config_file}.", field="config")

    async def open(self) -> Hub:
        """Connect to the database, settle what a service before this one left. Raises ``AppBuilderError``."""
        try:
            from jupyterhub.services.auth import HubOAuth
        except ImportError as error:
            raise Unavailable(
                "The service needs JupyterHub's own library.",
                hint='pip install "jupyter-appbuilder[hub]" in the Hub\'s environment.',
                reason="jupyterhub_missing",
            ) from error
        from .people import People

        zone(self.timezone)
        models = read_models(self.providers, self.models)
        configured = read_rules(self.rules)
        missing = [name for name in ("JUPYTERHUB_API_TOKEN", "JUPYTERHUB_API_URL") if not os.environ.get(name)]
        if missing:
            raise InvalidInput(
                f"The service is started by a JupyterHub: {' and '.join(missing)} is not set.",
                hint="Add it to c.JupyterHub.services, as docs/hub.md says.",
            )
        auth: HubOAuth = HubOAuth(cache_max_age=max(1, round(self.token_seconds)))
        database = await open_database(self.database)
        rules = RuleBook(database, configured, self.rules_required)
        ledger = Ledger(
            database,
            self.timezone,
            Owner("jupyter appbuilder hub"),
            told_a_day=micros(self.told_a_day),
            ceiling=rules.ceiling,
        )
        people = People(auth, ledger, self.token_seconds, self.hub_grace_seconds)
        gateway = Gateway(
            models,
            ledger,
            people,
            rules.holding,
            fields=FIELDS | set(self.request_fields),
            per_person=self.requests_per_person,
            at_once=self.requests_at_once,
            connect_seconds=self.connect_seconds,
            first_byte_seconds=self.first_byte_seconds,
            between_seconds=self.between_seconds,
        )
        prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "/services/appbuilder/")
        metrics = Metrics()
        ledger.on_settled = metrics.ended
        hub = Hub(self, database, ledger, people, gateway, Reports(database), rules, metrics, prefix)
        await ledger.alive()
        if left := await ledger.settle_left():
            log.warning("Settled %d requests that a service left behind when it ended.", left)
        for work, seconds in (
            (ledger.alive, ALIVE_EVERY),
            (ledger.settle_left, LEFT_EVERY),
            (gateway.note, NOTE_SECONDS),
            (people.write, SEEN_SECONDS),
        ):
            hub.keep(_every(seconds, work))
        return hub

    def web(self, hub: Hub) -> WebApplication:
        from ..preview.capabilities import kept_key
        from ..publishing.jupyterhub import JupyterHub
        from .admin.handlers import admin_handlers
        from .looks import look_handlers
        from .waking import waking_handlers

        api = JupyterHub(os.environ["JUPYTERHUB_API_URL"], os.environ["JUPYTERHUB_API_TOKEN"])
        kept = Path(self.cookie_secret_file)
        secret = kept_key(kept)
        if problem := close_to_others(kept, 0o600) if kept.exists() else f"{kept} could not be written.":
            log.warning("The key of the administrators' logins: %s", problem)
        return WebApplication(
            cast(
                "Any",
                [
                    *handlers(hub.prefix),
                    *waking_handlers(hub.prefix, api),
                    *admin_handlers(hub.prefix, hub, api),
                    *look_handlers(hub.prefix, api),
                ],
            ),
            hub=hub,
            cookie_secret=secret,
            default_handler_class=UnknownHandler,
            log_function=log_request,
        )

    def listen(self, server: HTTPServer) -> None:
        """At ``JUPYTERHUB_SERVICE_URL``: what the Hub's proxy routes to."""
        parts = urlsplit(os.environ.get("JUPYTERHUB_SERVICE_URL") or "http://127.0.0.1:0")
        server.listen(parts.port or 0, parts.hostname or "127.0.0.1")

    async def run(self) -> None:
        """Serve until the Hub says to end; answers under way are given time to."""
        logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=[_structured()])
        logging.getLogger("alembic").setLevel(logging.WARNING)  # which tells of its own plugins
        hub = await self.open()
        server = HTTPServer(
            self.web(hub),
            max_buffer_size=BODY,
            max_body_size=BODY,  # only requests to models may be larger, once it is known whose they are
            body_timeout=120,
            idle_connection_timeout=300,
        )
        try:
            self.listen(server)
            ends = asyncio.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, ends.set)
            log.info("Serving at %s", hub.prefix)
            await ends.wait()
        finally:
            server.stop()
            await hub.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await server.close_all_connections()


async def _every(seconds: float, work: Any) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception as error:
            log.warning("%s: %s", getattr(work, "__name__", "A task"), error)


def log_request(handler: RequestHandler) -> None:
    """One line for each request; a query may hold what is nobody's business."""
    status = handler.get_status()
    cast("Hub", handler.application.settings["hub"]).metrics.http.labels(str(status)).inc()
    level = logging.ERROR if status >= 500 else logging.INFO
    request = handler.request
    if (
        urlsplit(request.uri or "").path.startswith(f"{handler.application.settings['hub'].prefix}health")
        and status < 400
    ):
        return
    log.log(level, "%d %s %s %.0f ms", status, request.method, request.path, 1000 * request.request_time())


class _JSON(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _structured() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JSON())
    return handler
