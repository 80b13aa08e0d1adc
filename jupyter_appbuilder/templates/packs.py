"""A template as one ZIP file, to go from one person's server to another's. Who gets one takes it for hostile."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping

from ..errors import InvalidInput
from .sources import LARGEST, LEFT_OUT, MOST_FILES, TAKEN, Content

RUNS = 0o100755 << 16
PLAIN = 0o100644 << 16


def packed(content: Content, more: Mapping[str, bytes], largest: int) -> bytes:
    """The files of a template, and others that go along. Raises ``InvalidInput`` where it comes to more bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, (runs, data) in (*content.items(), *((path, (False, data)) for path, data in more.items())):
            info = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = RUNS if runs else PLAIN
            archive.writestr(info, data)
            if buffer.tell() > largest:
                raise InvalidInput(
                    f"The app is larger than {largest >> 20} MiB, packed.",
                    hint="Large files belong into the app's data folder, or into .gitignore.",
                    reason="too_large",
                )
    return buffer.getvalue()


def unpacked(data: bytes, *more: str) -> tuple[dict[str, tuple[bool, bytes]], dict[str, bytes]]:
    """What ``packed`` made: the template's files, and those named ``more``. Raises ``InvalidInput`` for anything that
    is no such file, or holds more than a template may."""
    content: dict[str, tuple[bool, bytes]] = {}
    others: dict[str, bytes] = {}
    left = LARGEST
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MOST_FILES:
                raise _damaged(f"it holds more than {MOST_FILES} files")
            for member in members:
                path = member.filename
                if path not in more:
                    _check(path)
                if path in content or path in others:
                    raise _damaged(f"{path[:100]!r} is in it twice")
                with archive.open(member) as file:
                    read = file.read(left + 1)
                left -= len(read)
                if left < 0:
                    raise _damaged(f"it holds more than {LARGEST >> 20} MiB")
                if path in more:
                    others[path] = read
                else:
                    content[path] = bool(member.external_attr >> 16 & 0o100), read
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise _damaged(str(error)) from None
    for path in content:
        if any(above in content for above in _above(path)):
            raise _damaged(f"{path[:100]!r} lies in a file")
    return content, others


def _check(path: str) -> None:
    from ..workspace.paths import parts_of

    parts = parts_of(path)
    if "/".join(parts) != path or parts[0] not in TAKEN or any(part.lower() in LEFT_OUT for part in parts):
        raise _damaged(f"{path[:100]!r} is no file of a template")
    if (len(parts) == 1) != ("." in parts[0]):
        raise _damaged(f"{path[:100]!r} is no file of a template")


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]


def _damaged(why: str) -> InvalidInput:
    return InvalidInput(
        f"What was sent is no app: {why}.", hint="Open the link and copy it again.", reason="damaged_archive"
    )
