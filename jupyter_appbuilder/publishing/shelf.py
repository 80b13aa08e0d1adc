"""What was published, by target and name: numbered releases, and which of them readers get.

    <data>/published/<target>/<name>/
        publication.json     what is known of it; replaced whole, so that one rename changes what readers get
        releases/<number>/   the bundles that are kept
        .lock                held while a release is on its way
    <data>/published/.making/<random>/    bundles that are being made; held by who makes them

A number is taken, and written down, before anything is made under it, so none is ever used again. Whatever a process
that was killed left is found by what ``publication.json`` does not name.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from ..errors import Conflict, NotFound, Unavailable, of_the_disk
from ..formats import strict_json
from ..settings import private_folder, write_settings
from ..workspace.folder import remove_folder
from ..workspace.holds import Hold, hold, take_away
from .base import NAME, Bundle
from .bundles import read_bundle

KEPT = 5
"""Releases of a publication whose files are kept: the newest, and the one that is live."""
TOLD = 200
"""Releases that are listed at most; the app's log has all of them."""
MAKING = ".making"
FILE = "publication.json"
SERVED = "served"
"""Beside an app's releases: what the server that runs it for readers has, their data among it."""
ADDRESS, COOKIES = "address", "cookies"
"""Keys of that server, of which readers' addresses and logins are made."""
LARGEST = 4 * 1024 * 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A release as it is written down. ``file``: an archive to take away, as a path; ``kept``: its files are there;
    ``withdrawn``: readers were given an earlier one in its place, and no address opens it any more."""

    number: int
    checkpoint: str
    at: str  # ISO 8601, UTC
    data_as_of: str | None = None
    url: str = ""
    note: str = ""
    file: str = ""
    accepted: Sequence[Mapping[str, str]] = ()
    kept: bool = True
    withdrawn: bool = False

    def to_json(self) -> dict[str, Any]:
        shown = {name: value for name, value in asdict(self).items() if name not in ("url", "withdrawn")}
        return shown | {"accepted": [dict(one) for one in self.accepted], "file": bool(self.file)}


@dataclass(frozen=True, slots=True)
class Publication:
    """An app at one target. ``last``: the last number that was taken; ``releases``: the newest first. ``key`` is
    secret: readers' addresses are made with it. ``settings``: what the person said last, without secrets."""

    target: str
    name: str
    session: str
    title: str
    key: str = field(repr=False)
    last: int = 0
    live: int | None = None
    releases: Sequence[Entry] = ()
    settings: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def url(self) -> str:
        now = self.entry(self.live)
        return now.url if now else ""

    def entry(self, number: int | None) -> Entry | None:
        return next((one for one in self.releases if one.number == number), None)

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "target": self.target,
            "name": self.name,
            "url": self.url,
            "live": self.live,
            "releases": [one.to_json() for one in self.releases],
        }


@dataclass(slots=True)
class Making:
    """A folder for a bundle that is being made, until ``release``."""

    folder: Path
    _held: Hold

    def release(self) -> None:
        """Throw away what is left of it. May be called twice."""
        remove_folder(self.folder)
        self._held.release()


class Shelf:
    """The publications of a data folder, for all its processes. Every method may block, and raises ``Unavailable``
    where the disk refuses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # Reading

    def find(self, target: str, name: str) -> Publication | None:
        """A publication, also one that readers get nothing of any more."""
        if not NAME.fullmatch(name) or not NAME.fullmatch(target):
            return None
        return _read(self.folder / target / name)

    def get(self, target: str, name: str) -> Publication:
        """The same. Raises ``NotFound``."""
        if found := self.find(target, name):
            return found
        raise NotFound(f"Nothing is published as {name[:60]!r}.", hint="Publish it first.", reason="not_published")

    def all(self, session: str = "") -> list[Publication]:
        """Those of a session, or all, by target and name. One that is damaged is passed over, with a warning."""
        found: list[Publication] = []
        for target in _folders(self.folder):
            for folder in _folders(target):
                try:
                    one = _read(folder)
                except Unavailable as error:
                    log.warning("%s", error)
                    continue
                if one and session in ("", one.session):
                    found.append(one)
        return found

    def of(self, session: str, target: str) -> Publication | None:
        """What a session has at a target."""
        return next((one for one in self.all(session) if one.target == target and one.releases), None)

    def bundle(self, target: str, name: str, number: int) -> Bundle:
        """A release that is kept. Raises ``NotFound``."""
        entry = self.get(target, name).entry(number)
        folder = self._release(target, name, number)
        if entry is None or not entry.kept or not folder.is_dir():
            raise NotFound(
                f"Release {number} of {name} is not kept.",
                hint=f"The newest {KEPT} are. Publish the version again.",
                reason="not_kept",
            )
        return read_bundle(folder)

    # A release on its way

    def make(self) -> Making:
        """A new, empty folder beside the releases."""
        making = self.folder / MAKING
        with _disk(self.folder):
            private_folder(self.folder)
            _sweep(making)
            making.mkdir(mode=0o700, exist_ok=True)
            folder = making / secrets.token_hex(8)
            folder.mkdir(mode=0o700)
            return Making(folder, hold(folder))

    @contextlib.contextmanager
    def taking(self, session: str, target: str, name: str) -> Generator[None]:
        """While a release of a publication is put in place, or it is changed otherwise. Raises ``Conflict`` where
        another process is at it, or the name is another app's."""
        folder = self.folder / target / name
        with _disk(self.folder):
            private_folder(self.folder)
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict(
                    f"{name} is being published already.", hint="Wait until that is done.", reason="publishing"
                ) from None
            there = _read(folder)
            if there and there.session != session:
                raise name_taken(there)
            yield
        finally:
            os.close(descriptor)

    def number(self, session: str, target: str, name: str, title: str) -> int:
        """Take the next number. Call it while ``taking``."""
        folder = self.folder / target / name
        there = _read(folder) or Publication(target, name, session, title, secrets.token_urlsafe(32))
        taken = replace(there, last=there.last + 1, title=title)
        self._write(taken)
        _sweep_releases(folder, taken)
        return taken.last

    def place(self, target: str, name: str, number: int, bundle: Bundle) -> Bundle:
        """Put a bundle that was made here among the releases; readers get it once it is ``live``. While ``taking``."""
        folder = self._release(target, name, number)
        with _disk(self.folder):
            folder.parent.mkdir(mode=0o700, exist_ok=True)
            os.rename(bundle.folder, folder)
        return Bundle(folder, bundle.manifest)

    def publish(self, target: str, name: str, entry: Entry, settings: Mapping[str, str]) -> Publication:
        """Readers get this release from now on, whole. While ``taking``."""
        there = self.get(target, name)
        releases = (entry, *(one for one in there.releases if one.number != entry.number))[:TOLD]
        kept = {one.number for one in [one for one in releases if one.kept][:KEPT]} | {entry.number}
        now = replace(
            there,
            live=entry.number,
            releases=[replace(one, kept=one.kept and one.number in kept) for one in releases],
            settings=dict(settings),
        )
        self._write(now)
        _sweep_releases(self.folder / target / name, now)
        return now

    def roll_back(self, target: str, name: str, number: int) -> Publication:
        """Readers get an earlier release again. While ``taking``. Raises ``NotFound``."""
        self.bundle(target, name, number)
        there = self.get(target, name)
        last = there.live or 0
        # Perhaps it leaked something: of what is gone back from, no page that is still open loads more.
        releases = [
            replace(one, withdrawn=one.number != number and (one.withdrawn or number < one.number <= last))
            for one in there.releases
        ]
        now = replace(there, live=number, releases=releases)
        self._write(now)
        return now

    def keep_settings(self, target: str, name: str, settings: Mapping[str, str]) -> None:
        """What the person said last, for the next release. While ``taking``."""
        there = self.get(target, name)
        self._write(replace(there, settings={**there.settings, **settings}))

    def unpublish(self, target: str, name: str) -> None:
        """Readers get nothing any more, and no release is kept; the numbers go on, and what readers wrote stays until
        the app is deleted. While ``taking``."""
        there = self.find(target, name)
        if there is None:
            return
        # Another key: no address that a reader still has opens anything.
        self._write(replace(there, live=None, releases=(), key=secrets.token_urlsafe(32), settings={}))
        folder = self.folder / target / name
        for left in _folders(folder):
            if left.name != SERVED:
                remove_folder(left)
        for file in ("visits.json", f"{SERVED}/{ADDRESS}", f"{SERVED}/{COOKIES}"):
            (folder / file).unlink(missing_ok=True)

    def forget(self, session: str) -> None:
        """Remove all that there is of a session that is deleted."""
        for one in self.all(session):
            with contextlib.suppress(Conflict), self.taking(session, one.target, one.name):
                folder = self.folder / one.target / one.name
                (folder / FILE).unlink(missing_ok=True)
                remove_folder(folder)

    def _release(self, target: str, name: str, number: int) -> Path:
        return self.folder / target / name / "releases" / str(number)

    def _write(self, publication: Publication) -> None:
        folder = self.folder / publication.target / publication.name
        with _disk(self.folder):
            write_settings(folder / FILE, asdict(publication))


def name_taken(there: Publication) -> Conflict:
    """A name stays its app's, also once that is taken down: its numbers go on, and so does what readers wrote."""
    return Conflict(
        f"Another app {'is' if there.releases else 'was'} published as {there.name!r}: {there.title}.",
        hint="Choose another name, or delete that app.",
        reason="name_taken",
        field="name",
    )


@contextlib.contextmanager
def _disk(folder: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise of_the_disk(error, folder) from error


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as listing:
            found = [one for one in listing if one.is_dir(follow_symlinks=False) and one.name != MAKING]
            return sorted(Path(one.path) for one in found)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise of_the_disk(error, folder) from error


def _read(folder: Path) -> Publication | None:
    """None where there is none. Raises ``Unavailable`` for one that cannot be read: its numbers would begin anew."""
    path = folder / FILE
    try:
        told = cast("dict[str, Any]", strict_json.parsed(path.read_bytes()))
        releases = [Entry(**one) for one in told.pop("releases")]
        return Publication(**told, releases=releases)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise of_the_disk(error, folder) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Unavailable(
            f"{path} is damaged ({error}).", hint="Put it back from a backup, or move it away.", reason="damaged"
        ) from None


def _sweep(making: Path) -> None:
    """Remove what processes that were killed left half made."""
    for folder in _folders(making):
        gone = folder.with_name(f"{folder.name.removesuffix('.gone')}.gone")
        if take_away(folder, gone):
            remove_folder(gone)


def _sweep_releases(folder: Path, publication: Publication) -> None:
    """Remove the files of releases that are not kept, and what a process that was killed left under a number."""
    kept = {str(one.number) for one in publication.releases if one.kept} | {str(publication.live)}
    for release in _folders(folder / "releases"):
        if release.name not in kept:
            remove_folder(release)
