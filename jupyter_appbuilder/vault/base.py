"""What a secret may be, and what keeps the values of secrets."""

from __future__ import annotations

import re
from typing import Protocol

from ..errors import InvalidInput
from ..formats.text import encodable

NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)
TAKEN = frozenset("CI HOME HOST HOSTNAME LANG PATH PORT PWD SHELL TERM TMPDIR TZ USER".split())  # noqa: SIM905
"""Names that programs read for themselves."""
TAKEN_BEFORE = ("APPBUILDER_", "BASH_", "DYLD_", "GIT_", "LC_", "LD_", "NODE_", "NPM_", "PYTHON", "SSL_", "UV_")

SHORTEST = 6  # characters: what is shorter stands in many a text by chance, so that it cannot be masked
LARGEST = 32 * 1024  # bytes
MOST = 100  # secrets of an app


class Keeper(Protocol):
    """Keeps values. What it gives as a ``note`` is stored, readable, beside the name. Its methods may block.

    Each raises ``Unavailable``, without the value, where it cannot do its work.
    """

    kind: str
    where: str
    """Where values are kept, for people: what follows "kept in"."""

    def put(self, session: str, name: str, value: str) -> str: ...

    def get(self, session: str, name: str, note: str) -> str: ...

    def drop(self, session: str, name: str) -> None:
        """Forget it. What is not there is no error."""
        ...


def check_name(name: str) -> str:
    """``name``, if a secret can have it. Raises ``InvalidInput``."""
    if not NAME.fullmatch(name):
        raise InvalidInput(
            f"{name[:80]!r} is no name of a secret.",
            hint="Use capital letters, digits and _, beginning with a letter, 64 at most: API_KEY.",
            field="name",
        )
    if name in TAKEN or name.startswith(TAKEN_BEFORE):
        raise InvalidInput(
            f"{name} is a name that programs read for themselves.",
            hint=f"Choose another, e.g. APP_{name}."[:100],
            field="name",
        )
    return name


def check_value(name: str, value: str) -> str:
    """``value`` without line breaks at its end, if it can be kept as ``name``. Raises ``InvalidInput``, which does not
    tell the value."""
    value = value.rstrip("\r\n")
    if "\0" in value or not encodable(value):
        raise InvalidInput(
            f"The value of {name} holds a character that is no text.", hint="Paste it as text.", field="value"
        )
    if len(value.strip()) < SHORTEST:
        raise InvalidInput(
            f"The value of {name} is too short: it could not be masked in what the app prints.",
            hint=f"A secret has {SHORTEST} characters at least. What is no secret can stand in the app's .env file.",
            field="value",
        )
    if (size := len(value.encode())) > LARGEST:
        raise InvalidInput(
            f"The value of {name} is too long: {size:,} bytes.", hint=f"At most {LARGEST:,}.", field="value"
        )
    return value
