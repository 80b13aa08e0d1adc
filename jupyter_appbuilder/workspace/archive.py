"""Packs an app's files: as text for a notebook, as a ZIP archive, as a tree hash."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from ..errors import InvalidInput
from .folder import link_at, opened_folder, read_at
from .ignore import never_tracked
from .objects import EXECUTABLE, FILE, LINK, HashOnly, put_tree
from .paths import inside, parts_of
from .scan import LARGEST, DatasetFiles, mode_of, scan

WIDTH = 120
LARGEST_ARCHIVE = 256 * 1024 * 1024  # bytes, unpacked


def tree_of(files: Path) -> str:
    """The git tree hash of a folder that need not be a repository; ignored files do not count."""
    return put_tree(HashOnly(), {path: entry.key for path, entry in scan(files, HashOnly()).items()})


def pack(files: Path) -> str:
    """A folder's files (ignored ones left out) as text: JSON, xz, base 85, in lines of 120 characters."""
    import lzma

    content: dict[str, dict[str, str]] = {}
    for path, mode, data in contents_of(files):
        item = {"mode": mode} if mode != FILE else {}
        try:
            content[path] = item | {"text": data.decode()}
        except UnicodeDecodeError:
            content[path] = item | {"base64": base64.b64encode(data).decode()}
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    encoded = base64.b85encode(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)).decode()
    return "\n".join(encoded[start : start + WIDTH] for start in range(0, len(encoded), WIDTH)) + "\n"


def unpack(text: str, into: Path) -> None:
    """Write the files of ``pack`` below ``into``, which is made if missing.

    Raises ``InvalidInput`` when the text is damaged or holds a path that would leave ``into``; nothing is written
    then.
    """
    content = _unpacked(text)
    files: list[tuple[tuple[str, ...], str, bytes]] = []
    try:
        for path, item in content.items():
            mode = item.get("mode", FILE)
            data = item["text"].encode() if "text" in item else base64.b64decode(item["base64"], validate=True)
            parts = parts_of(path)
            if not parts or mode not in (FILE, EXECUTABLE, LINK) or any(never_tracked(part) for part in parts):
                raise ValueError(f"{path!r} is no file of an app")
            files.append((parts, mode, data))
    except (ValueError, KeyError, AttributeError, TypeError, InvalidInput) as error:
        raise _damaged(str(error)) from None
    into.mkdir(parents=True, exist_ok=True)
    for parts, mode, data in sorted(files, key=lambda file: file[1] == LINK):  # links last: none is written through
        with opened_folder(into, parts[:-1], make=True) as folder:
            if mode == LINK:
                link_at(folder, parts[-1], os.fsdecode(data))
                continue
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
            permissions = 0o777 if mode == EXECUTABLE else 0o666
            with os.fdopen(os.open(parts[-1], flags, permissions, dir_fd=folder), "wb") as file:
                file.write(data)


def zipped(files: Path, more: Mapping[str, str], without: DatasetFiles | None = None) -> bytes:
    """A folder's files as a ZIP archive. Links become the files they lead to; those that lead outside are left out.
    ``more``: texts by path, for paths at which the folder has nothing. The files ``without`` are left out, and copies
    of them."""
    import io
    import zipfile

    buffer = io.BytesIO()
    taken: set[str] = set()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        added = ((path, FILE, text.encode()) for path, text in more.items() if path not in taken)
        for path, mode, data in chain(contents_of(files, without), added):
            if mode == LINK:
                try:
                    parts = inside(files, path)
                    if any(never_tracked(part) for part in parts) or (without and "/".join(parts) in without.paths):
                        continue
                    with opened_folder(files, parts[:-1]) as folder:
                        data, _ = read_at(folder, parts[-1], LARGEST)
                except (OSError, InvalidInput, IndexError):
                    continue
            taken.add(path)
            info = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = (0o100755 if mode == EXECUTABLE else 0o100644) << 16
            archive.writestr(info, data)
    return buffer.getvalue()


def contents_of(files: Path, without: DatasetFiles | None = None) -> Iterator[tuple[str, str, bytes]]:
    """Path, mode and bytes of each file, one at a time: all of them may be more than memory holds."""
    for path, entry in scan(files, HashOnly(), without=without).items():
        *folders, name = path.split("/")
        try:
            with opened_folder(files, tuple(folders)) as folder:
                if entry.mode == LINK:
                    yield path, LINK, os.fsencode(os.readlink(name, dir_fd=folder))
                    continue
                data, status = read_at(folder, name, LARGEST)
        except (OSError, InvalidInput):
            continue  # it is being changed at this moment
        if len(data) <= LARGEST:
            yield path, mode_of(status), data


def _unpacked(text: str) -> dict[str, Any]:
    import lzma

    try:
        decompressor = lzma.LZMADecompressor()
        data = decompressor.decompress(base64.b85decode("".join(text.split())), max_length=LARGEST_ARCHIVE)
        if not decompressor.eof:
            raise _damaged("it is cut short, or larger than 256 MB unpacked")
        content = json.loads(data)
    except (ValueError, lzma.LZMAError) as error:
        raise _damaged(str(error)) from None
    if not isinstance(content, dict):
        raise _damaged("it holds no files")
    return content  # pyright: ignore[reportUnknownVariableType]


def _damaged(why: str) -> InvalidInput:
    return InvalidInput(
        f"The packed files cannot be read: {why}.",
        hint="Restore the cell as it was.",
        reason="damaged_archive",
    )
