"""The words of publishing, and the interface of the places where apps are published.

A **bundle** is a folder that holds one version of an app, built, and all that it needs to be served; nothing of the
session. A **release** is a bundle with the number that it was published under; numbers count from 1 for each app and
target and are never used again. A **publication** is an app at one target: its releases, and which of them is live.
Third parties register targets under the entry-point group ``jupyter_appbuilder.publishers``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypedDict, get_args, runtime_checkable

MANIFEST = "appbuilder.json"
"""The file at a bundle's root that says what it is: a ``BundleManifest``."""

SITE = "site"
"""The folder of a static bundle: files that any web server can serve from any path."""

APP = "app"
"""The folder of a bundle that has to run: the app's files, and what was built of them."""

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,40}[a-z0-9])?")
"""A publication's name: it stands in addresses, and in names of servers."""

BundleKind = Literal["static", "server"]

GateKind = Literal[
    "secret",  # a key, password or token where readers, or who gets the files, can see it
    "personal_data",  # rows that look like people's data, or that were handed over as private
    "open_function",  # a function of the app's server that answers everybody
    "other_host",  # a request of the page's to another host
    "source_map",  # the app's sources beside what was built of them
    "accessibility",  # a serious finding of axe
    "not_looked_at",  # what the gate had to leave out, and why
]
GATE_KINDS: tuple[GateKind, ...] = get_args(GateKind)


class BundleManifest(TypedDict):
    """What ``appbuilder.json`` says. Whoever reads it takes it for anything: a bundle may come from elsewhere."""

    format: int  # 1
    kind: BundleKind
    session: str  # the app's; "" where that is not known
    name: str  # the publication's
    title: str
    template: str
    checkpoint: str
    tree: str  # of the app's files, as a git hash
    built_at: str  # ISO 8601, UTC
    data_as_of: str | None  # the oldest time at which a dataset in it was handed over
    promised: int | None  # seconds that data are old at most; 0: no such promise; None: they are not refreshed
    serve: list[str]  # the command that serves a bundle of kind "server", with {port}, {host}, {prefix}, {base}, {data}
    ready: str  # the path below the base that answers once it runs
    strip: bool  # the server knows no base: who stands in front takes the path off
    environment: dict[str, str]
    data: list[str]  # folders of what the app itself writes, each with a slash at its end
    secrets: list[str]  # names of the secrets that its functions read, never values
    hosts: list[str]  # that its server may connect to


@dataclass(frozen=True, slots=True)
class Bundle:
    """A built version in ``folder``, which nothing generated can change any more."""

    folder: Path
    manifest: BundleManifest

    @property
    def content(self) -> Path:
        """Its files: of the site, or of the app that has to run."""
        return self.folder / (SITE if self.manifest["kind"] == "static" else APP)


@dataclass(frozen=True, slots=True)
class GateFinding:
    """Something that readers should perhaps not get. ``id`` is the same for the same thing in the next version, so that
    who accepted it is not asked again; ``excerpt`` never shows a secret."""

    id: str
    kind: GateKind
    message: str  # a sentence for people
    path: str = ""  # in the app's files, else in the bundle, as ``where`` says
    line: int | None = None  # from 1
    where: Literal["app", "bundle", "history", "data", "page"] = "app"
    excerpt: str = ""
    count: int | None = None  # of rows, places …
    hint: str = ""  # what to do
    fixable: bool = True  # the agent can be asked to
    severity: Literal["high", "medium", "low"] = "high"


@dataclass(frozen=True, slots=True)
class Release:
    """What the gate looks at: all that would be handed on, and what is known of how it came about."""

    bundle: Bundle
    files: Path
    """The app's files of this version, laid out by us."""
    template: str
    private: Sequence[str] = ()
    """Names of datasets that were handed over as private."""
    datasets: Mapping[str, Path] = field(default_factory=dict[str, Path])
    """Their Parquet files that go along, by name."""
    history: Path | None = None
    """The git directory, where the target gets it, too."""
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Values of the app's secrets by name (``AppSecrets.values``): looked for as they are, escaped and encoded, in
    a process of the gate's own, which gets them over a pipe."""
    hosts: Sequence[str] = ()
    """That the page asked while it was looked at."""
    axe: Sequence[Mapping[str, object]] = ()
    """What axe found in the built page: ``PreviewError`` payloads of the kind accessibility."""


Tell = Callable[[str], None]
"""Called with each line of a target's log. It holds no secret, and must not block."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that a target asks the person for. A ``secret`` is kept in the vault and never told."""

    name: str
    title: str
    help: str = ""
    secret: bool = False
    required: bool = True
    choices: Sequence[str] = ()
    default: str = ""


@dataclass(frozen=True, slots=True)
class Published:
    """Where a release is to be found. ``note`` says what is left to be done there, for people."""

    url: str = ""
    note: str = ""
    file: Path | None = None
    """What the person takes away: an archive."""


@dataclass(frozen=True, slots=True)
class Order:
    """One release on its way to a target."""

    bundle: Bundle
    number: int
    previous: Bundle | None
    """The one that is live until this one is."""
    settings: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Values by the names of the target's ``Setting``s, secrets too."""


class Publisher(Protocol):
    """A target. All methods raise ``errors.AppBuilderError`` with the next step; a release that fails half-way leaves
    the one before in place. Cancelling ``publish`` stops it, and leaves the one before in place, too."""

    name: str  # [a-z]+, as in the command line and in addresses
    title: str  # for people
    kinds: Sequence[BundleKind]
    settings: Sequence[Setting]
    history: bool
    """It hands on the git history: the gate looks there, too."""
    keeps: bool
    """We keep what readers get: it can be rolled back and taken down here."""

    def unavailable(self) -> str:
        """Why it cannot be used here, with the next step; "" if it can."""
        ...

    async def publish(self, order: Order, tell: Tell) -> Published:
        """Put a release in place whole."""
        ...

    async def unpublish(self, name: str, settings: Mapping[str, str], tell: Tell) -> None:
        """Take the app down. What was never there, or is gone already, is no error."""
        ...


@runtime_checkable
class Selective(Protocol):
    """What a ``Publisher`` also is where it does not take the apps of every template."""

    def refusal(self, template: str, kind: BundleKind) -> str:
        """Why it takes no app of a template, and what does; "" if it takes them."""
        ...


@runtime_checkable
class Preflight(Protocol):
    """What a ``Publisher`` also is where it can find out that it will refuse an app before that is built."""

    async def preflight(self, name: str, template: str, settings: Mapping[str, str], tell: Tell) -> None:
        """Ask the other side, and change nothing there. Raises what ``publish`` would."""
        ...


@runtime_checkable
class Sharing(Protocol):
    """What a ``Publisher`` also is where it knows who may open an app, and lets that be changed without a release."""

    async def readers(self, name: str) -> Mapping[str, str]:
        """Who may open it now: values of the target's settings that say so."""
        ...

    async def change_readers(self, name: str, settings: Mapping[str, str], tell: Tell) -> Mapping[str, str]:
        """Let in those whom the settings name, and nobody else; how the settings are then."""
        ...
