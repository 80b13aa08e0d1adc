"""A folder or a ZIP archive for any static host."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import json
import os
import secrets
import shutil
import threading
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

from ...cancellation import ended, in_thread
from ...errors import Conflict, InvalidInput, of_the_disk
from ..base import BundleKind, Order, Published, Setting, Tell
from .site import Site, from_the_root, said_from_the_root, site_of

MARK = ".appbuilder.json"
"""In a folder of ours: which publication it is. A folder without it is somebody else's."""
NOT_FOUND = "404.html"
README = "README.txt"
RENAME_EXCHANGE = 2
AT_FDCWD = -100


class FolderPublisher:
    name: ClassVar[str] = "folder"
    title: ClassVar[str] = "A folder or ZIP"
    kinds: ClassVar[Sequence[BundleKind]] = ("static",)
    settings: ClassVar[Sequence[Setting]] = (
        Setting(
            "path",
            "Folder",
            help="A folder on this machine, as a whole path (~/public_html/app); one that ends in .zip is made an "
            "archive. Leave it empty for an archive to download.",
            required=False,
        ),
    )
    history: ClassVar[bool] = False
    keeps: ClassVar[bool] = False

    def unavailable(self) -> str:
        return ""

    async def preflight(self, name: str, template: str, settings: Mapping[str, str], tell: Tell) -> None:
        await in_thread(check_place, name, settings)

    async def publish(self, order: Order, tell: Tell) -> Published:
        return await in_stopped_thread(_publish, order, tell)

    async def unpublish(self, name: str, settings: Mapping[str, str], tell: Tell) -> None:
        await in_thread(unpublish, name, settings, on_loop(tell))


async def in_stopped_thread(
    publish: Callable[[Order, Tell, threading.Event], Published], order: Order, tell: Tell
) -> Published:
    """What ``publish`` makes in a thread; cancelled, it is told to stop by the event, and its end is waited for."""
    stop = threading.Event()
    work = asyncio.ensure_future(in_thread(publish, order, on_loop(tell), stop))
    try:
        return await asyncio.shield(work)
    finally:
        stop.set()
        await ended([work])


def on_loop(tell: Tell) -> Tell:
    """``tell`` for work in a thread: lines come in their order, on the loop of who waits for it."""
    loop = asyncio.get_running_loop()

    def tell_there(line: str) -> None:
        loop.call_soon_threadsafe(tell, line)

    return tell_there


def _publish(order: Order, tell: Tell, stop: threading.Event) -> Published:
    site = site_of(order.bundle)
    tell(f"{len(site.files):,} files, {site.size / 1e6:,.1f} MB.")
    if warning := said_from_the_root(from_the_root(site)):
        tell(warning)
    return write(order, site, _added(site, order), tell, stop, warning)


def write(
    order: Order, site: Site, added: Mapping[str, bytes], tell: Tell, stop: threading.Event, note: str = ""
) -> Published:
    """Put ``site``, and what is ``added`` to it, where the setting ``path`` says; into an archive to take away where it
    says nothing. Blocks."""
    given = order.settings.get("path", "").strip()
    archive = order.bundle.folder / f"{order.bundle.manifest['name']}-{order.number}.zip"
    path = _whole(given) if given else archive
    if path == archive or path.suffix.lower() == ".zip":
        _write_archive(path, site, added, order, stop, ours=path == archive)
        tell(f"Wrote {path.name}.")
        return Published(note=note, file=path)
    _write_folder(path, site, added, order, stop)
    tell(f"The folder {path} holds release {order.number}.")
    return Published(note=" ".join(filter(None, [f"The app is in {path}.", note])))


def check_place(name: str, settings: Mapping[str, str]) -> None:
    """Raises what ``write`` would, as far as it lies in the setting ``path``. Blocks."""
    if not (given := settings.get("path", "").strip()):
        return
    path = _whole(given)
    if path.suffix.lower() == ".zip":
        _check_archive(path)
    else:
        _check_ours(path, name)


def _whole(given: str) -> Path:
    try:
        path = Path(given).expanduser()
    except RuntimeError:
        path = Path(given)
    if not path.is_absolute() or "\0" in given or ".." in path.parts:
        raise InvalidInput(
            f"{given[:200]!r} is no whole path.",
            hint="Begin with / or with ~, as in ~/public_html/app.",
            field="path",
        )
    if not path.parent.is_dir():
        raise InvalidInput(f"There is no folder {path.parent}.", hint="Make it, or choose another.", field="path")
    return path.parent.resolve() / path.name


def _added(site: Site, order: Order) -> dict[str, bytes]:
    """What a static host needs besides the app's own files."""
    manifest = order.bundle.manifest
    readme = (
        f"{manifest['title']}, release {order.number}, built {manifest['built_at']} by Jupyter App Builder.\n"
        "Copy all files to a folder of any web server; a browser does not run them from a disk.\n"
    )
    added: dict[str, bytes] = {}
    if not site.has(NOT_FOUND):
        added[NOT_FOUND] = not_found(site)
    if not site.has(README):
        added[README] = readme.encode()
    return added


def not_found(site: Site) -> bytes:
    """The page for addresses that there are none of: hosts show it below any path, so it asks for no other file."""
    return (
        b'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        b"<title>Not found</title><style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui;margin:20vh auto;"
        b"max-width:30em;padding:0 1em}</style><h1>Not found</h1><p>There is no such page here.</p></html>\n"
    )


def _write_archive(
    path: Path, site: Site, added: Mapping[str, bytes], order: Order, stop: threading.Event, *, ours: bool
) -> None:
    if not ours:
        _check_archive(path)
    _sweep(path)
    temporary = path.with_name(f".{path.name}.appbuilder-{secrets.token_hex(6)}")
    top = order.bundle.manifest["name"]
    try:
        with zipfile.ZipFile(temporary, "x", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            archive.comment = _mark(order)
            for name, content in added.items():
                archive.writestr(_entry(f"{top}/{name}"), content)
            for file in site.files:
                with site.open(file.path) as source, archive.open(_entry(f"{top}/{file.path}"), "w") as target:
                    _copy(source.read, target.write, stop)
        os.replace(temporary, path)
    except OSError as error:
        raise of_the_disk(error, path.parent) from None
    finally:
        temporary.unlink(missing_ok=True)


def _check_archive(path: Path) -> None:
    if path.exists() and not _is_our_archive(path):
        raise Conflict(
            f"{path} is there already, and is no archive of this program's.",
            hint="Choose another name, or move it away.",
            reason="not_ours",
        )


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _is_our_archive(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_mark(archive.comment) is not None
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def _write_folder(path: Path, site: Site, added: Mapping[str, bytes], order: Order, stop: threading.Event) -> None:
    name = order.bundle.manifest["name"]
    _check_ours(path, name)
    _sweep(path)
    new = path.with_name(f".{path.name}.appbuilder-{secrets.token_hex(6)}")
    try:
        new.mkdir(mode=0o755)
        for name_added, content in {**added, MARK: _mark(order) + b"\n"}.items():
            (new / name_added).write_bytes(content)
        for file in site.files:
            target = new / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            with site.open(file.path) as source, open(target, "xb") as written:
                _copy(source.read, written.write, stop)
        _check_ours(path, name)  # whoever else came in between is not written over
        _swap(new, path)
    except OSError as error:
        raise of_the_disk(error, path.parent) from None
    finally:
        shutil.rmtree(new, ignore_errors=True)  # what is there now is the release before


def _check_ours(path: Path, name: str) -> None:
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_dir():
        raise Conflict(f"{path} is no folder.", hint="Choose another path.", reason="not_ours")
    if not any(path.iterdir()):
        return
    mark = None
    with contextlib.suppress(OSError, ValueError):
        mark = _read_mark((path / MARK).read_bytes()[:10_000])
    if mark is None:
        raise Conflict(
            f"The folder {path} holds files that this program did not put there.",
            hint="Choose an empty folder, or one that is not there yet.",
            reason="not_ours",
        )
    if mark != name:
        raise Conflict(
            f"The folder {path} holds another app, {mark!r}.",
            hint="Choose another folder, or take that app down first.",
            reason="not_ours",
        )


def _mark(order: Order) -> bytes:
    mark = {"publication": order.bundle.manifest["name"], "release": order.number, "made_by": "Jupyter App Builder"}
    return json.dumps(mark).encode()


def _read_mark(content: bytes) -> str | None:
    """Which publication a folder or archive is; None for one that is not ours. Raises ``ValueError``."""
    found: Any = json.loads(content)
    fields = cast("dict[str, Any]", found if isinstance(found, dict) else {})
    name = fields.get("publication")
    return name if isinstance(name, str) and fields.get("made_by") == "Jupyter App Builder" else None


def _swap(new: Path, path: Path) -> None:
    """Put ``new`` where ``path`` is, and what was there where ``new`` is, in one step where the system has that."""
    if not path.exists():
        new.rename(path)
        return
    exchange = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if exchange is not None:
        names = [ctypes.c_char_p(os.fsencode(each)) for each in (new, path)]
        if exchange(AT_FDCWD, names[0], AT_FDCWD, names[1], ctypes.c_uint(RENAME_EXCHANGE)) == 0:
            return
        if (code := ctypes.get_errno()) not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise OSError(code, os.strerror(code))
    old = path.with_name(f".{path.name}.appbuilder-{secrets.token_hex(6)}")
    path.rename(old)
    try:
        new.rename(path)
    except BaseException:
        old.rename(path)
        raise
    old.rename(new)


def _sweep(path: Path) -> None:
    """Remove what a process that was killed left beside ``path``."""
    for left in path.parent.glob(f".{path.name}.appbuilder-*"):
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                left.unlink()


def _copy(read: Callable[[int], bytes], write: Callable[[bytes], object], stop: threading.Event) -> None:
    while piece := read(1024 * 1024):
        if stop.is_set():
            raise Conflict("Publishing was stopped.", reason="stopped")
        write(piece)


def unpublish(name: str, settings: Mapping[str, str], tell: Tell) -> None:
    """Remove what ``write`` put where the setting ``path`` says. Blocks."""
    given = settings.get("path", "").strip()
    if not given:
        return
    path = _whole(given)
    if path.suffix.lower() == ".zip":
        if path.is_file() and _is_our_archive(path):
            path.unlink()
            tell(f"Deleted {path}.")
        return
    if not path.is_dir():
        return
    _check_ours(path, name)
    away = path.with_name(f".{path.name}.appbuilder-{secrets.token_hex(6)}")
    try:
        path.rename(away)
        shutil.rmtree(away)
    except OSError as error:
        raise of_the_disk(error, path.parent) from None
    tell(f"Deleted {path}.")
