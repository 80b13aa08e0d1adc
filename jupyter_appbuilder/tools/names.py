"""Tool names that other modules refer to, and normalising names as models write them."""

from __future__ import annotations

import re
from collections.abc import Collection

CHECK = "check_app"
"""Says whether the app works: the loop runs it where the agent forgot to."""

TAKE_NOTEBOOK = "take_notebook"
"""Its calls say which notebook the app was made of."""

REQUEST_SECRET = "request_secret"  # noqa: S105
"""Its calls say which secrets the app asked for."""

LONGEST = 200  # characters of a name and what is put around it

LONGEST_SENT = 64  # characters of a name in a conversation that every endpoint takes

_SENT = re.compile(r"[^a-zA-Z0-9_-]")  # what such a name has none of
_INDEX = re.compile(r"[:.#]\d+$")  # functions.read_file:0
_SPACE = re.compile(r"[.:/]+|__")  # what ends a namespace


def known_name(name: str, tools: Collection[str]) -> str:
    """The tool that ``name`` means: itself, or what follows a namespace (``functions.read_file:0``,
    ``default_api:read_file``, ``mcp__app__read_file``), if a tool has just that name. Otherwise ``name``."""
    if name in tools or len(name) > LONGEST:
        return name
    bare = _INDEX.sub("", name.partition("<|")[0].strip())
    starts = [0, *(found.end() for found in _SPACE.finditer(bare))]
    return next((bare[start:] for start in starts if bare[start:] in tools), name)


def sendable_name(name: str) -> str:
    """``name`` as every endpoint takes it back in a conversation: a model may call a tool that does not exist by any
    name, or by none, and an endpoint that refuses it would refuse all that follows."""
    return _SENT.sub("_", name[:LONGEST_SENT]) or "unnamed"
