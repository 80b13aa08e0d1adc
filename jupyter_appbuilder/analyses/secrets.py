"""Keys and passwords in a notebook are masked before anything of it is kept or told."""

from __future__ import annotations

import re

from ..models.redaction import MARK, redact

_SHAPES = re.compile(
    r"""
    \bAKIA[0-9A-Z]{16}\b
    | \bASIA[0-9A-Z]{16}\b
    | \bxox[abeoprs]-[\w-]{10,}
    | \bgithub_pat_\w{20,}
    | \bgh[opsur]_\w{20,}
    | \bglpat-[\w-]{15,}
    | \bdop_v1_\w{20,}
    | \beyJ[\w-]{8,500}\.[\w-]{8,}\.[\w-]*
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----(?:[^-]|-(?!----END)){0,10000}(?:-----END[ ][A-Z ]*PRIVATE[ ]KEY-----)?
    """,
    re.VERBOSE,
)

_NAMED = re.compile(
    r"""
    (?P<name>(?i:api_?key|access_?key|secret|token|passw(?:or)?d|passphrase|credential|private_?key)\w{0,40})
    (?P<between>["']?\]?\s*(?:=|:|,)\s*[rbfu]{0,2})
    (?P<quote>["'])(?P<value>[^"'\n]{4,1000})(?P=quote)
    """,
    re.VERBOSE,
)
"""A text that is bound to a name which says what it is: ``API_KEY = "…"``, ``{"password": "…"}``,
``setdefault("TOKEN", "…")``."""


def masked(text: str) -> str:
    """``text`` without what looks like a key or a password."""
    text = _NAMED.sub(lambda found: f"{found['name']}{found['between']}{found['quote']}{MARK}{found['quote']}", text)
    return redact(_SHAPES.sub(MARK, text))
