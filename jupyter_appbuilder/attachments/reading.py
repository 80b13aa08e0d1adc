"""A file's bytes -> ``Given``. The file is anybody's: nothing of it is run or drawn, and its name is a name alone.

Of a picture only the head is read. One that is too large for models is made smaller by the browser that sends it, or
here by Pillow, where that is installed.
"""

from __future__ import annotations

import io
import mimetypes
import os
import re
import subprocess
import sys
import unicodedata
import warnings
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any, cast

from ..analyses.reading import parsed
from ..analyses.secrets import masked
from ..datasets.description import in_bytes
from ..errors import InvalidInput, Unavailable
from ..formats.excerpts import bounded
from ..formats.rasters import Raster, raster, whole
from ..log.pictures import MEDIA_TYPES
from ..workspace.ignore import is_secret
from .base import LARGEST, LARGEST_PICTURE, LONGEST_TEXT, MOST_PIXELS, Given, Shown

LONGEST_NAME = 120  # characters
MOST_DECODED = 50_000_000  # px of a picture that Pillow is let decode
MOST_PAGES = 100  # of a PDF
PDF_MEMORY = 1 << 30  # bytes that reading one may take
PDF_SECONDS = 20  # of processor time that it may take
BESIDE = 2_000  # characters behind those that are told, in which a key may end

NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffd<>:\"|?*`]")
TEXT_TYPES = {".ipynb": "application/x-ipynb+json", ".md": "text/markdown", ".csv": "text/csv", ".ts": "text/plain"}


def read(name: str, content: bytes, picture: bytes | None = None) -> Given:
    """What a file is. ``picture``: a smaller copy of it, where it is a picture that is too large to be shown.

    Raises ``InvalidInput``, which names the file, for what is not taken, and ``Unavailable`` where what reads it is not
    installed.
    """
    name = named(name)
    if not content:
        raise InvalidInput(f"{name} is empty.", hint="Attach a file with something in it.", field="content")
    if len(content) > LARGEST:
        raise InvalidInput(
            f"{name} has {in_bytes(len(content))}; an attachment has {in_bytes(LARGEST)} at most.",
            hint="Tables are handed over as data: the preview's data page, or app.data in a notebook.",
            reason="too_large",
            field="content",
        )
    if is_secret(name):
        raise InvalidInput(
            f"By its name {name} holds secrets: they would be sent to the model.",
            hint="Set them as secrets of the app; functions read them as env.NAME.",
            reason="secret",
            field="name",
        )
    if found := raster(content):
        return Given(name, found.media_type, content, picture=_shown(name, content, found, picture))
    suffix = PurePosixPath(name).suffix.lower()
    media_type = TEXT_TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    if content.startswith(b"%PDF-"):
        return Given(name, "application/pdf", content, bounded(masked(_of_pdf(name, content)), LONGEST_TEXT))
    if suffix == ".ipynb":
        return Given(name, media_type, content, bounded(_of_notebook(name, content), LONGEST_TEXT))
    text = _decoded(content)
    if text is None:
        return Given(name, media_type, content)
    if media_type.startswith(("application/octet", "image/", "video/", "audio/")) and suffix != ".svg":
        media_type = "text/plain"
    length = len(text)
    text = masked(text[: LONGEST_TEXT + BESIDE])  # masked first: a key that is cut looks like none
    return Given(name, media_type, content, bounded(text, LONGEST_TEXT, length))


def named(name: str) -> str:
    """The name of a file alone: no folder, nothing that is not seen or turns what is seen around."""
    alone = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1].encode("utf-8", "replace").decode())
    alone = " ".join(NOT_IN_NAMES.sub("", alone).split()).strip(". ")
    if len(alone) > LONGEST_NAME:
        suffix = PurePosixPath(alone).suffix[:16]
        alone = alone[: LONGEST_NAME - len(suffix)] + suffix
    return f".{alone}" if alone and re.split(r"[/\\]", name)[-1].startswith(".") else alone or "file"


def _shown(name: str, content: bytes, found: Raster, picture: bytes | None) -> Shown:
    if picture is not None:
        smaller = raster(picture)
        if smaller is None or smaller.media_type not in MEDIA_TYPES or not _fits(picture, smaller):
            raise InvalidInput(
                f"The smaller copy of {name} is no picture that can be shown.",
                hint=f"It is a PNG or JPEG of at most {MOST_PIXELS:,} pixels.",
                field="picture",
            )
        return Shown(picture, smaller.width, smaller.height, smaller.media_type)
    if not whole(content, found.media_type):
        raise _broken(name, "it is cut off or damaged")
    if found.media_type in MEDIA_TYPES and _fits(content, found):
        return Shown(content, found.width, found.height, found.media_type)
    return _made_smaller(name, content, found)


def _fits(data: bytes, found: Raster) -> bool:
    return found.width * found.height <= MOST_PIXELS and len(data) <= LARGEST_PICTURE


def _made_smaller(name: str, content: bytes, found: Raster) -> Shown:
    size = f"{name} has {found.width:,} × {found.height:,} pixels"
    if found.width * found.height > MOST_DECODED:
        raise InvalidInput(f"{size}, which is too many.", hint="Make it smaller.", reason="too_large", field="content")
    try:
        import PIL.Image as pillow
    except ImportError:
        raise Unavailable(
            f"{size}, and models are shown {MOST_PIXELS:,} at most, as PNG or JPEG.",
            hint='Make it smaller, or have that done: pip install "jupyter_appbuilder[files]".',
            reason="no_pillow",
        ) from None
    return _by_pillow(cast("Any", pillow), name, content)


def _by_pillow(pillow: Any, name: str, content: bytes) -> Shown:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of what holds more than its head says
            with pillow.open(io.BytesIO(content), formats=["PNG", "JPEG", "GIF", "WEBP"]) as image:
                image.seek(0)
                plain = image.convert("RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB")
        scale = min(1.0, (MOST_PIXELS / (plain.width * plain.height)) ** 0.5)
        size = max(1, int(plain.width * scale)), max(1, int(plain.height * scale))
        plain = plain.resize(size) if size != plain.size else plain
        out, media_type = io.BytesIO(), "image/png"
        plain.save(out, "PNG")
        if len(out.getvalue()) > LARGEST_PICTURE // 4:
            out, media_type = io.BytesIO(), "image/jpeg"
            plain.convert("RGB").save(out, "JPEG", quality=85)
    except Exception as error:
        raise _broken(name, str(error)) from None
    return Shown(out.getvalue(), *size, media_type)


def _broken(name: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{name} cannot be read as a picture: {why}.",
        hint="Save it again as PNG or JPEG.",
        reason="broken_picture",
        field="content",
    )


def _decoded(content: bytes) -> str | None:
    """The text in a file; None where it holds something else."""
    encodings = ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",)
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if "\0" in text else text.replace("\r\n", "\n")
    return None


def _of_notebook(name: str, content: bytes) -> str:
    """The cells of a notebook, without outputs."""
    parts: list[str] = []
    for cell in parsed(content, name, None).cells:
        if cell.source.strip():
            kind = "code" if cell.is_code else "text"
            parts.append(f"# Cell {cell.number} ({kind})\n{cell.source.strip()}")
    return "\n\n".join(parts) or "(It has no cell with anything in it.)"


def _of_pdf(name: str, content: bytes) -> str:
    """The text of a PDF's pages, read by a process of its own: a page can be written to take any time and memory."""
    if find_spec("pypdf") is None:
        raise Unavailable(
            f"{name} is a PDF, and what reads its text is not installed.",
            hint='On the server: pip install "jupyter_appbuilder[files]". Or attach its text.',
            reason="no_pypdf",
        )
    bounds = [str(number) for number in (MOST_PAGES, LONGEST_TEXT + BESIDE, PDF_MEMORY, PDF_SECONDS)]
    command = [sys.executable, "-I", str(Path(__file__).with_name("pdf_text.py")), *bounds]
    try:
        done = subprocess.run(
            command,
            input=content,
            capture_output=True,
            timeout=2 * PDF_SECONDS,
            check=False,
            env={name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ},
        )
    except subprocess.TimeoutExpired:
        raise _unread(name, f"it takes longer than {2 * PDF_SECONDS} seconds") from None
    if done.returncode != 0:
        why = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
        raise _unread(name, why or f"it takes more than {PDF_SECONDS} seconds or {PDF_MEMORY >> 20} MB")
    return done.stdout.decode("utf-8", "replace") or "(Its pages hold no text: they may be pictures.)"


def _unread(name: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{name} cannot be read as a PDF: {why}.",
        hint="Attach its text, or pictures of its pages.",
        reason="broken_pdf",
        field="content",
    )
