"""Templates: what a new app starts from. One folder each, described by its ``template.toml``.

Found in this order (first name wins): ``extra`` folders given by the caller (``c.AppBuilder.template_path``; one may
also be a template's own folder),
``<jupyter data path>/appbuilder/templates``, the templates shipped with the package.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from ..datasets.base import LOADERS, Place
from ..errors import InvalidInput, NotFound, Unavailable
from .manifest import Manifest

SHIPPED = Path(__file__).parent.parent / "_templates"  # in the wheel
SOURCE = Path(__file__).parent.parent.parent / "sandbox-templates"  # in a checkout

PORT = 5173  # the same in every sandbox: each has a network of its own
APP = "app"
"""The service that answers for the app's page."""
RUNTIME = "/opt/template"
"""Where a sandbox shows the template's ``runtime/`` folder, read-only."""

LENT = "/opt/database"
"""Where it shows the ``runtime/`` folder of the template whose database program this one uses, read-only."""

CARRIER = "/opt/live"
"""The same of the template whose program carries its calls of the notebook."""

PICTURES = ("picture.webp", "picture.png", "picture.jpg")
"""The file with a template's picture for the gallery: the first that there is."""

LARGEST_PICTURE = 2 * 1024 * 1024  # bytes
LARGEST_ICON = 64 * 1024  # bytes: it is told with each list
MAX_TITLE, MAX_SUMMARY = 200, 1000  # characters

DEFAULT_PLACE = Place()

MOST_PROMPTS = 4
LONGEST_PROMPT = 120  # characters

PackageKind = Literal["npm", "python"]

NONE_ADDED: Mapping[str, Path] = {}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PythonPackages:
    """The files of the app that say which Python packages it has. Paths are relative to the app."""

    requirements: str = "requirements.txt"  # what a person or the agent asks for
    lock: str = "requirements.lock"  # every package, pinned


@dataclass(frozen=True, slots=True)
class Serving:
    """How a dev server is started. It can be shown once it has answered a request for the URL path ``ready``: with
    anything, or, if ``well``, with a status below 500 (another process behind it may start more slowly). ``page`` is
    the path of the app's page."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    port: int  # at 127.0.0.1, inside the sandbox
    page: str
    ready: str
    well: bool
    strip: str  # what the preview proxy takes off the front of each path, "" for nothing


@dataclass(frozen=True, slots=True)
class Service:
    """One server of an app. The one called ``APP`` answers for the page and whatever no other one's ``path`` is for."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    port: int = PORT
    path: str = ""  # below the app's base, with a slash at its end
    ready: str = ""  # below its own path: its health
    strip: bool = False  # it knows no base: the preview proxy takes it off


PublishKind = Literal["static", "server"]


@dataclass(frozen=True, slots=True)
class Publishing:
    """How a version of an app becomes what readers get. In ``build``, ``serve`` and ``environment`` ``{base}`` and
    ``{prefix}`` are filled in as for a dev server; in ``serve`` also ``{port}``, ``{host}`` to listen on, and
    ``{data}``, the first of the app's ``data`` folders."""

    kind: PublishKind
    build: tuple[str, ...] = ()  # in the app's folder of a sandbox, with its packages; () where nothing is to be built
    output: tuple[str, ...] = ()  # folders that it makes, each with a slash at its end; of a static app one: the site
    leave: tuple[str, ...] = ()  # files and folders (with a slash) of the app that readers have no use for
    serve: tuple[str, ...] = ()  # starts the server of what was built; () for a static app
    ready: str = ""  # below the base: answers with a status below 500 once it runs
    strip: bool = False  # the server knows no base: who stands in front takes the path off
    fixed: bool = False  # what was built runs below the path that it was built for, and no other
    environment: Mapping[str, str] = field(default_factory=dict[str, str])  # of the build and of the server
    assets: Mapping[str, str] = field(default_factory=dict[str, str])
    """Paths below the base whose files have a new name for each content, and the folders of the app, or of the static
    site, where they lie: an open page of the release before may still ask for its own."""
    deep: tuple[str, ...] = ()
    """Of a server that answers every path with its page, which finds its files beside it only: the paths below which
    something else lies. () where a page may be anywhere."""


Engine = Literal["sqlite", "postgresql"]

POSTGRESQL = "postgresql"
"""The folder of a template with what an app on PostgreSQL begins with otherwise."""

ENGINE = "APPBUILDER_DATABASE"
"""The variable by which the programs of a template know which database it is."""


@dataclass(frozen=True, slots=True)
class Database:
    """The app's database: a SQLite file in one of its data folders, and the program of the template that opens it, run
    by Node in the sandbox. Nothing outside opens the file. ``lender``: the ``runtime`` of the template whose program it
    is, None for this one's own.

    ``hints``: for the agent, where the database is PostgreSQL; None where it cannot be. ``engine``: what it is. For
    PostgreSQL ``file`` only says in which folder copies lie."""

    file: str
    program: str
    lender: Path | None = None
    hints: str | None = None
    engine: Engine = "sqlite"


@dataclass(frozen=True)
class Template:
    """A template's manifest. Commands are argument lists.

    In ``serve`` and ``serve_environment`` these are filled in: ``{port}``, ``{base}`` (the URL path the app is shown
    under, with a slash at both ends) and ``{prefix}`` (the same without the last slash). ``{template}``, for
    ``RUNTIME``, ``{database}``, for the program of its database, and ``{live}``, for the folder of the program that
    carries its calls of the notebook, are filled in by ``load``.
    """

    name: str
    title: str
    summary: str
    folder: Path
    serve: tuple[str, ...]
    check: tuple[str, ...]  # exit code 0 when the app's types are sound; () if there is nothing to check
    lock: str = "package-lock.json"
    warm: tuple[str, ...] = ()  # prepares the packages for the dev server, once for each lock file
    prompts: tuple[str, ...] = ()  # requests that an app of it can begin with, for people to choose from
    hints: str = ""  # for the agent, part of its system prompt
    components: str = ""  # a table of what its components take, for models with room for it
    environment: Mapping[str, str] = field(default_factory=dict[str, str])  # of the dev server and of commands
    serve_environment: Mapping[str, str] = field(default_factory=dict[str, str])  # of the dev server alone
    port: int = PORT
    ready: str = ""  # below the base
    strip: bool = False  # the server knows no base: the preview proxy takes it off
    python: PythonPackages | None = None
    data: tuple[str, ...] = ()  # folders of what the app itself writes, each with a slash at its end
    datasets: Place = DEFAULT_PLACE  # where data that a person hands over lies, and what reads it
    database: Database | None = None  # of an app that has one
    control: str = ""  # below the base: where its server takes secrets, and calls of functions; "" for nowhere
    functions: bool = False  # its server also tells of functions there, and calls them
    live: str = ""  # below the base: where its server tells of calls of the notebook; "" for nowhere
    carrier: Path | None = None  # ``runtime`` of the template whose program carries them; None for this one's own
    calling: str = ""  # the folder of the app's server in Python, which calls them beside the page; "" for none
    takes_along: str = ""  # the folder of an export that has a copy of ``runtime``; "" for none
    beside: tuple[Service, ...] = ()  # what is served besides the app itself
    budget: Mapping[str, float] = field(default_factory=dict[str, float])  # of the page's speed, by ``manifest.SPEED``
    installs: bool = True  # False for a sandbox in which nothing of the app's packages is needed
    bundler: str = ""  # a module that bundles one component (apps/component_build.mjs); "" where Vite does
    diagnostics: tuple[str, ...] = ()  # prints the problems of the app's code; () where nothing looks for them
    publish: Publishing | None = None  # None where apps of it cannot be published

    @property
    def files(self) -> Path:
        return self.folder / "files"

    @property
    def over(self) -> Path | None:
        """Files that take the place of those of their names in ``files``; None for none."""
        over = self.folder / POSTGRESQL
        return over if self.engine == "postgresql" and over.is_dir() else None

    @property
    def engine(self) -> Engine:
        """What the app's database is; without one, what it would be."""
        return self.database.engine if self.database else "sqlite"

    @property
    def can_be_on_server(self) -> bool:
        """True if the database of an app can be PostgreSQL."""
        return self.database is not None and self.database.hints is not None

    def on(self, engine: str) -> Template:
        """The template of an app whose database is this. Raises ``Unavailable`` where it cannot be."""
        if engine == self.engine or engine == "sqlite":
            return self
        if engine != "postgresql" or self.database is None or self.database.hints is None:
            raise Unavailable(
                f"An app of the template {self.name} has no database of the kind {engine[:40]}.",
                hint="Its template is another than it was made with.",
                reason="unknown_engine",
            )
        return replace(
            self,
            database=replace(self.database, engine="postgresql"),
            hints="\n".join(filter(None, [self.hints.rstrip(), self.database.hints.strip()])),
            environment={**self.environment, ENGINE: "postgresql"},
        )

    @property
    def runtime(self) -> Path | None:
        """Files that the template's commands need and the app does not hold; mounted at ``RUNTIME``."""
        runtime = self.folder / "runtime"
        return runtime if runtime.is_dir() else None

    @property
    def mounted(self) -> dict[str, Path]:
        """Folders that a sandbox shows read-only, by the path where."""
        lent = self.database.lender if self.database else None
        found = {RUNTIME: self.runtime, LENT: lent, CARRIER: self.carrier}
        return {place: folder for place, folder in found.items() if folder is not None}

    def exported(self) -> dict[str, str]:
        """What an export of an app has besides the app's own files: texts by path."""
        if not (self.takes_along and self.runtime):
            return {}
        files = sorted(path for path in self.runtime.rglob("*") if path.is_file())
        texts = {
            f"{self.takes_along}/{path.relative_to(self.runtime).as_posix()}": path.read_text("utf-8", "replace")
            for path in files
        }
        if self.engine == "postgresql":
            texts[f"{self.takes_along}/{POSTGRESQL}"] = "The app's database is at DATABASE_URL.\n"
        return texts

    @cached_property
    def icon(self) -> str:
        """The template's icon as SVG text, empty if it has none that can be shown."""
        icon = self.folder / "icon.svg"
        with suppress(OSError, UnicodeDecodeError):
            if icon.stat().st_size <= LARGEST_ICON:
                return icon.read_text(encoding="utf-8")
        return ""

    @property
    def picture(self) -> Path | None:
        """The file with how its app looks; None without one."""
        return next((file for name in PICTURES if (file := self.folder / name).is_file()), None)

    def kind_of(self, packages: Sequence[str], kind: PackageKind | None = None) -> PackageKind:
        """Which packages are meant. Raises ``InvalidInput`` where the template has none of that kind, or of both kinds
        and the names do not tell.
        """
        npm = (self.files / "package.json").is_file() or self.python is None
        if kind == "python" and self.python is None:
            raise InvalidInput(f"The template {self.name} has no Python.", hint="Leave `kind` out.", field="kind")
        if kind is None and npm and self.python is not None:
            if all(package.startswith("@") or "@" in package for package in packages):
                return "npm"
            if all(any(sign in package for sign in ("==", ">=", "<=", "~=", "[")) for package in packages):
                return "python"
            raise InvalidInput(
                "This app has npm packages and Python packages, and the names do not tell which are meant.",
                hint="Say it: kind npm or python. Packages of both kinds take two calls.",
                field="kind",
            )
        return kind or ("npm" if npm else "python")

    def published(self) -> Template:
        """The same, with the server of what was built in the place of all its dev servers. Raises ``Unavailable`` for
        one of which there is none."""
        publish = self.publish
        if publish is None or publish.kind != "server":
            raise Unavailable(
                f"Apps of the template {self.name} have no server of what was built.",
                hint="Publish it where static apps are served." if publish else "Its template has no table [publish].",
                reason="not_served",
            )
        return replace(
            self,
            serve=publish.serve,
            serve_environment=publish.environment,
            ready=publish.ready,
            strip=publish.strip,
            beside=(),
            warm=(),
        )

    @property
    def services(self) -> dict[str, Service]:
        """Every server of the app by its name, the app's own first."""
        app = Service(APP, self.serve, self.serve_environment, self.port, "", self.ready, self.strip)
        return {service.name: service for service in (app, *self.beside)}

    def serving(self, base_path: str, port: int | None = None, service: str = APP) -> Serving:
        """The command and settings that start one of the app's servers, with its page below ``base_path``.

        ``port``: another than the template's own, where sandboxes share a network.
        """
        it = self.services[service]
        port = port or it.port
        base_path += it.path
        strip = base_path if it.strip else ""
        base = "/" if it.strip else base_path
        filled = self._filler(base, port)
        environment = {name: filled(value) for name, value in {**self.environment, **it.environment}.items()}
        command, ready = tuple(map(filled, it.command)), base + it.ready.lstrip("/")
        return Serving(command, environment, port, base, ready, bool(it.ready), strip)

    def building(self, base_path: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """The command that makes what readers get below ``base_path``, () for none, and its environment besides that of
        all commands."""
        publish = self.publish or Publishing("static")
        filled = self._filler("/" if publish.strip else base_path, self.port)
        return tuple(map(filled, publish.build)), {name: filled(text) for name, text in publish.environment.items()}

    def _filler(self, base: str, port: int) -> Callable[[str], str]:
        data = self.data[0].rstrip("/") if self.data else "."
        host = "127.0.0.1"
        fill = {"{port}": str(port), "{base}": base, "{prefix}": base.rstrip("/"), "{host}": host, "{data}": data}

        def filled(text: str) -> str:
            for name, value in fill.items():
                text = text.replace(name, value)
            return text

        return filled

    @classmethod
    def load(cls, folder: Path) -> Template:
        """Read ``folder/template.toml``. Raises ``InvalidInput`` naming the file and the key that is wrong."""
        manifest = Manifest(folder / "template.toml")
        if not manifest.words("serve.command"):
            raise manifest.wrong("serve.command", "is missing", 'Name the dev server: command = ["node", …].')
        if not 1024 <= (port := manifest.number("serve.port", PORT)) <= 65535:
            raise manifest.wrong("serve.port", f"is {port}", "Choose a port from 1024 to 65535.")
        if not (folder / "files").is_dir():
            raise InvalidInput(
                f"The template {folder.name} has no folder {folder / 'files'}.",
                hint="Put what a new app starts with into files/. See docs/templates.md.",
            )

        database = _database(manifest)
        carrier = _lender(manifest, "live.of", "streamlit")
        fill = {
            "{template}": RUNTIME,
            "{database}": database.program if database else "",
            "{live}": CARRIER if carrier else RUNTIME,
        }

        def command(key: str) -> tuple[str, ...]:
            words = manifest.words(key)
            for name, value in fill.items():
                words = tuple(word.replace(name, value) for word in words)
            return words

        beside = tuple(_service(manifest, name, command) for name in manifest.tables("services"))
        ports = [port, *(service.port for service in beside)]
        if len(set(ports)) < len(ports):
            raise manifest.wrong("services", "have one port twice", "Give each service a port of its own.")

        python = PythonPackages(
            manifest.file("python.requirements", PythonPackages().requirements),
            manifest.file("python.lock", PythonPackages().lock),
        )
        return cls(
            name=folder.name,
            title=manifest.line("title", MAX_TITLE),
            summary=manifest.line("summary", MAX_SUMMARY),
            folder=folder,
            prompts=manifest.lines("prompts", MOST_PROMPTS, LONGEST_PROMPT),
            serve=command("serve.command"),
            check=command("check.command"),
            lock=manifest.file("install.lock", cls.lock),
            warm=command("install.warm"),
            hints=manifest.text("agent.hints", ""),
            components=manifest.text("agent.components", ""),
            environment=manifest.texts("environment"),
            serve_environment=manifest.texts("serve.environment"),
            port=port,
            ready=manifest.text("serve.ready", ""),
            strip=manifest.choice("serve.base", ("keep", "strip")) == "strip",
            python=python if manifest.has("python") else None,
            data=manifest.folders("data"),
            datasets=Place(
                manifest.folder("datasets.folder", Place().folder),
                manifest.choice("datasets.loader", LOADERS),
                manifest.text("datasets.hints", "").strip(),
            ),
            database=database,
            control=manifest.text("functions.control", manifest.text("secrets.control", "")).lstrip("/"),
            functions=manifest.has("functions.control"),
            live=manifest.text("functions.control", manifest.text("live.control", "")).lstrip("/"),
            carrier=carrier,
            calling=manifest.folder("live.server", "") if manifest.has("live.server") else "",
            takes_along=manifest.folder("export.runtime", "") if manifest.has("export.runtime") else "",
            beside=beside,
            budget=manifest.amounts("check.budget"),
            bundler=manifest.text("widget.bundler", "").replace("{template}", RUNTIME),
            diagnostics=command("diagnostics.command"),
            publish=_publishing(manifest, command) if manifest.has("publish") else None,
        )


def _database(manifest: Manifest) -> Database | None:
    if not manifest.has("database"):
        return None
    file, folders = manifest.text("database.file", "data/app.db"), manifest.folders("data")
    if not re.fullmatch(r"([A-Za-z0-9_-]+/)+[A-Za-z0-9_-]+\.db", file) or not file.startswith(folders):
        raise manifest.wrong("database.file", f"is {file!r}", 'Name a file in a folder of `data`: "data/app.db".')
    lender = _lender(manifest, "database.of", "serverless")
    program = manifest.text("database.program", "{template}/data.mjs")
    hints = manifest.text("database.postgresql.hints", "") if manifest.has("database.postgresql") else None
    return Database(file, program.replace("{template}", LENT if lender else RUNTIME), lender, hints)


def _lender(manifest: Manifest, key: str, example: str) -> Path | None:
    """The ``runtime`` of the template that ``key`` names, None where it names none."""
    if not (of := manifest.text(key, "")):
        return None
    for shelf in (SHIPPED, SOURCE):  # of ours alone: another's folder may be anything
        if of.replace("-", "").isalnum() and (shelf / of / "runtime").is_dir():
            return (shelf / of / "runtime").resolve()
    raise manifest.wrong(key, f"is {of!r}", f"Name a template that has a program for it: {example}.")


def _service(manifest: Manifest, name: str, command: Callable[[str], tuple[str, ...]]) -> Service:
    key = f"services.{name}"
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name) or name == APP:
        raise manifest.wrong(key, "is no name of a service", f"Use small letters, digits and hyphens, but not {APP}.")
    if not manifest.words(f"{key}.command"):
        raise manifest.wrong(f"{key}.command", "is missing", 'Name its server: command = ["node", …].')
    path = manifest.text(f"{key}.path", name).strip("/") + "/"
    if not re.fullmatch(r"([A-Za-z0-9_-][A-Za-z0-9._-]*/)+", path):
        raise manifest.wrong(f"{key}.path", f"is {path!r}", 'Write the path below the app, like this: "api/".')
    if not 1024 <= (port := manifest.number(f"{key}.port", 0)) <= 65535:
        raise manifest.wrong(f"{key}.port", f"is {port}", "Choose a port from 1024 to 65535.")
    return Service(
        name,
        command(f"{key}.command"),
        manifest.texts(f"{key}.environment"),
        port,
        path,
        manifest.text(f"{key}.ready", ""),
        manifest.choice(f"{key}.base", ("keep", "strip")) == "strip",
    )


def _publishing(manifest: Manifest, command: Callable[[str], tuple[str, ...]]) -> Publishing:
    kind: PublishKind = "server" if manifest.choice("publish.kind", ("static", "server")) == "server" else "static"
    serve, output = command("publish.serve"), manifest.folders("publish.output")
    if kind == "server" and not serve:
        raise manifest.wrong("publish.serve", "is missing", 'Name the server: serve = ["node", …].')
    if kind == "static" and (serve or len(output) > 1):
        key = "publish.serve" if serve else "publish.output"
        raise manifest.wrong(key, "does not go with a static app", "Leave it out, or name the one folder of the site.")
    base = manifest.choice("publish.base", ("keep", "strip", "fixed"))
    return Publishing(
        kind,
        command("publish.build"),
        output,
        tuple(_left_out(manifest, path) for path in manifest.words("publish.leave")),
        serve,
        manifest.text("publish.ready", "").lstrip("/"),
        base == "strip",
        base == "fixed",
        manifest.texts("publish.environment"),
        {path: f"{folder.strip('/')}/" for path, folder in manifest.texts("publish.assets").items()},
        manifest.words("publish.deep"),
    )


def _left_out(manifest: Manifest, path: str) -> str:
    if not re.fullmatch(r"[^/]+(/[^/]+)*/?", path) or any(part in (".", "..") for part in path.split("/")):
        raise manifest.wrong(
            "publish.leave", f"names {path!r}", 'Name files and folders of the app: "notes.md", "dev/".'
        )
    return path


def find_templates(extra: Iterable[Path] = (), added: Mapping[str, Path] = NONE_ADDED) -> dict[str, Template]:
    """Every template by name, and after those found in folders the ``added`` ones. One that cannot be read is left out,
    with a warning in the log."""
    found: dict[str, Template] = {}
    for name, folder in {**added, **_folders(extra)}.items():
        try:
            found[name] = Template.load(folder)
        except InvalidInput as error:
            log.warning("A template is left out. %s", error)
    return found


def find_template(name: str, extra: Iterable[Path] = ()) -> Template:
    """Raises ``NotFound``, or ``InvalidInput`` for one whose manifest is wrong."""
    folders = _folders(extra)
    if name not in folders:
        raise NotFound(
            f"There is no template {name!r}.",
            hint=f"Choose one of: {', '.join(sorted(folders))}.",
            reason="unknown_template",
        )
    return Template.load(folders[name])


def _folders(extra: Iterable[Path]) -> dict[str, Path]:
    from jupyter_core.paths import jupyter_path

    shelves = [*extra, *(Path(path) / "appbuilder" / "templates" for path in jupyter_path()), SHIPPED, SOURCE]
    found: dict[str, Path] = {}
    for shelf in shelves:
        for manifest in sorted(shelf.glob("template.toml")) or sorted(shelf.glob("*/template.toml")):
            found.setdefault(manifest.parent.name, manifest.parent)
    return found
