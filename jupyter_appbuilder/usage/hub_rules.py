"""Rules that a JupyterHub's administrators give to every server: which there are, and what each takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from ..errors import InvalidInput

MANY = 200  # entries of a list
LONGEST = 200  # characters of one
NAME = re.compile(r"[\w@./:*?+-]+")
HOST = re.compile(r"(\*\.)?[a-z0-9.-]+(:\d{1,5})?|\[[0-9a-f:.]+\](:\d{1,5})?")
SANDBOXES = ("auto", "local", "e2b", "kubernetes")


def _names(value: object) -> list[str]:
    return _list(value, NAME, "a name, or a pattern with *")


def _hosts(value: object) -> list[str]:
    return [host.lower() for host in _list(value, re.compile(HOST.pattern, re.I), "a host: name, *.name or name:port")]


def _list(value: object, pattern: re.Pattern[str], what: str) -> list[str]:
    if not isinstance(value, (list, tuple)) or len(cast("list[Any]", value)) > MANY:
        raise ValueError(f"a list of at most {MANY} entries")
    for one in cast("list[Any]", value):
        if not isinstance(one, str) or len(one) > LONGEST or not pattern.fullmatch(one):
            raise ValueError(f"{what}, not {str(one)[:60]!r}")
    return [*dict.fromkeys(cast("list[str]", value))]


def _approvals(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, (list, tuple)) or len(cast("list[Any]", value)) > MANY:
        raise ValueError(f"a list of at most {MANY} rules")
    found: list[dict[str, Any]] = []
    for one in cast("list[Any]", value):
        fields = cast("dict[str, Any]", one) if isinstance(one, dict) else {}
        texts = {key: fields.get(key, "") for key in ("tool", "pattern", "reason")}
        sound = all(isinstance(text, str) and len(text) <= 2000 for text in texts.values())
        if set(fields) - {"tool", "pattern", "action", "reason"} or not sound or not fields.get("pattern"):
            raise ValueError("rules with tool, pattern, action and reason")
        if fields.get("action") not in ("allow", "ask", "deny"):
            raise ValueError(f"rules whose action is allow, ask or deny, not {str(fields.get('action'))[:40]!r}")
        found.append({"tool": texts["tool"] or "run_command", **{k: v for k, v in fields.items() if k != "tool"}})
    return found


def _kinds(value: object) -> list[str]:
    from ..publishing.base import GATE_KINDS

    known = (*GATE_KINDS, "check")
    if not isinstance(value, (list, tuple)) or not set(cast("list[Any]", value)) <= set(known):
        raise ValueError(f"a list of these: {', '.join(known)}")
    return sorted(set(cast("list[str]", value)), key=known.index)


def _one_of(*known: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in known:
            raise ValueError(f"one of {', '.join(known)}")
        return cast("str", value)

    return read


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1e9:
        raise ValueError("a number above 0")
    return value


READ: Mapping[str, Callable[[object], Any]] = {
    "models": _names,
    "templates": _names,
    "egress_hosts": _hosts,
    "approval_rules": _approvals,
    "publish_hard": _kinds,
    "sandbox": _one_of(*SANDBOXES),
    "max_steps": _number,
    "max_seconds": _number,
    "max_tokens": _number,
    "turn_budget": _number,
    "session_budget": _number,
    "day_budget": _number,
}
"""``models`` and ``templates``: which may be used, by name or pattern; nothing: any. The others are AppBuilder's own
settings of these names, made stricter and never looser: lists are added to, of numbers the smaller holds."""


def read_rules(given: object) -> dict[str, Any]:
    """Rules, checked; what is empty is left out. Raises ``InvalidInput`` naming the rule."""
    if not isinstance(given, Mapping):
        raise InvalidInput("Rules are a table of names and values.", field="rules")
    rules = cast("Mapping[str, Any]", given)
    if unknown := sorted(str(key) for key in rules if key not in READ):
        raise InvalidInput(
            f"There is no rule {unknown[0][:60]!r}.", hint=f"There are {', '.join(READ)}.", field="rules"
        )
    found: dict[str, Any] = {}
    for name, value in rules.items():
        if value in (None, "", [], ()):
            continue
        try:
            found[name] = READ[name](value)
        except ValueError as error:
            raise InvalidInput(f"The rule {name} is {error}.", field=name) from None
    return found
