"""Files that a person hands in with a message that is being written."""

from __future__ import annotations

import base64
import binascii

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..attachments.base import LARGEST
from ..attachments.reading import named
from ..errors import InvalidInput
from .base import AppBuilderHandler
from .body import Body

LONGEST = LARGEST * 4 // 3 + 1_000  # characters of a file in Base64, and some: what is too large is said with its size


class AttachmentsHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def post(self) -> None:
        body = self.body("name", "content", "picture")
        name = body.text("name", max_length=1000)
        content = _bytes(body, "content", named(name))
        picture = _bytes(body, "picture", named(name)) if "picture" in body else None
        self.answer(await self.builder.shelf.receive(name, content, picture), 201)


def _bytes(body: Body, key: str, name: str) -> bytes:
    """The bytes of a file, from Base64."""
    encoded = body.data.get(key)
    if isinstance(encoded, str) and len(encoded) > LONGEST:
        raise InvalidInput(
            f"{name} is too large for an attachment.",
            hint=f"At most {LARGEST // 1_000_000} MB.",
            reason="too_large",
            field=key,
        )
    try:
        return base64.b64decode(body.text(key, "" if encoded == "" else None, max_length=LONGEST), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(f"{key!r} is no Base64.", hint="Send the file's bytes in Base64.", field=key) from None
