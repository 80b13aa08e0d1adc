"""Files that a notebook or a script hands in with a request."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..attachments.base import LARGEST, MOST, Given
from ..attachments.reading import read
from ..errors import InvalidInput, NotFound, of_the_disk

Attached = str | Path | tuple[str, bytes] | Given | Any
"""A path; a name and bytes; a figure of Matplotlib; an image of Pillow; what was read already."""


def given(attach: Sequence[Attached]) -> list[Given]:
    """Read them. Raises ``InvalidInput``, ``NotFound`` and ``Unavailable``, which name the file."""
    if isinstance(attach, str | Path):
        attach = [attach]
    if len(attach) > MOST:
        raise InvalidInput(f"{len(attach)} files are too many for one request.", hint=f"At most {MOST}.")
    return [one if isinstance(one, Given) else read(*_named(one, number)) for number, one in enumerate(attach, 1)]


def _named(one: Any, number: int) -> tuple[str, bytes]:
    if isinstance(one, str | Path):
        path = Path(one).expanduser()
        try:
            if not path.is_file():
                raise NotFound(f"There is no file {path}.", hint="Check the path.", field="attach")
            with path.open("rb") as file:
                return path.name, file.read(LARGEST + 1)
        except OSError as error:
            raise of_the_disk(error, path.parent) from None
    match one:
        case (str(name), bytes(content)):
            return name, content
        case _ if callable(draw := getattr(one, "savefig", None)):
            picture = io.BytesIO()
            draw(picture, format="png")
            return f"figure-{number}.png", picture.getvalue()
        case _ if callable(save := getattr(one, "save", None)) and hasattr(one, "getbands"):
            picture = io.BytesIO()
            save(picture, format="PNG")
            return f"image-{number}.png", picture.getvalue()
        case _:
            raise InvalidInput(
                f"{type(one).__name__} cannot be attached.",
                hint='Attach paths, ("name.png", bytes), figures of Matplotlib or images of Pillow. '
                "Frames are handed over as data: app.data.",
                field="attach",
            )
