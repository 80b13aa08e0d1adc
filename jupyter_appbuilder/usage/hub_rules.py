"""Rules that a JupyterHub's administrators give to every server: which there are, and what each takes."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from ..errors import Forbidden, InvalidInput, Unavailable
from ..settings import write_settings

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


def _approvals(value: object) -> list[dict[str, str]]:
    from ..approvals.rules import read_rules

    if not isinstance(value, (list, tuple)) or len(cast("list[Any]", value)) > MANY:
        raise ValueError(f"a list of at most {MANY} rules")
    try:
        return [rule.to_json() for rule in read_rules(cast("list[Any]", value))]
    except InvalidInput as error:
        raise ValueError(f"not sound: {error.message}") from None


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
            raise InvalidInput(f"The rule {name} is {str(error).rstrip('.')}.", field=name) from None
    return found


def allows(rules: Mapping[str, Any], rule: str, name: str) -> bool:
    """Whether the rule, a list of patterns, fits a name, or says nothing."""
    patterns = rules.get(rule)
    return not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


LARGEST = 1024 * 1024  # bytes of the file
CONFIRMED_SECONDS = 300.0
"""For how long rules that are required hold after the service last confirmed them."""


class HubRules:
    """The rules as this server knows them: those that the service gave last, kept in ``file`` for when it is away.

    ``required``: no turn starts unless the service confirmed them lately. They are this server's own, which is its
    user's: they guide who means well, and only the service's gateway holds against others."""

    def __init__(self, file: Path, *, required: bool = False, clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self._required = required
        self._clock = clock
        self._confirmed = float("-inf")
        self._read_at = 0
        self.version = 0
        self.rules: Mapping[str, Any] = {}
        self._reread()

    def _reread(self) -> None:
        """What another process on the same data, the server, was given since. When it was told that they still hold
        is the file's time."""
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError, InvalidInput):
            there = self._file.stat()
            if there.st_mtime_ns == self._read_at or there.st_size > LARGEST:
                return
            self._read_at = there.st_mtime_ns
            self._read(json.loads(self._file.read_text(encoding="utf-8")))
            self._confirmed = max(self._confirmed, there.st_mtime)

    def _read(self, given: Mapping[str, Any]) -> None:
        rules, version = read_rules(given["rules"]), int(given["version"])
        self.rules, self.version = rules, version
        self._required = self._required or given.get("required") is True

    def take(self, given: object) -> None:
        """What the service answered: other rules, or None where these still hold. Raises ``InvalidInput``."""
        self._confirmed = now = self._clock()
        if given is not None:
            try:
                self._read(cast("Mapping[str, Any]", given))
            except (KeyError, TypeError, ValueError):
                raise InvalidInput("The Hub's service answered something else than rules.", field="rules") from None
        with suppress(OSError):
            if given is not None:
                write_settings(self._file, dict(cast("Mapping[str, Any]", given)))
            os.utime(self._file, (now, now))

    def lines(self, name: str, own: Sequence[Any] = ()) -> list[Any]:
        """A list of the server's own, with what the rules add."""
        return [*own, *(one for one in self.rules.get(name, ()) if one not in own)]

    def least(self, name: str, own: float) -> float:
        """A number of the server's own (0: no limit), or the rules' if that is smaller."""
        rule = self.rules.get(name)
        return own if rule is None else min(rule, own) if own > 0 else rule

    @property
    def sandbox(self) -> str:
        """Where generated code has to run; empty: as the server says."""
        rule = self.rules.get("sandbox", "")
        return "" if rule == "auto" else rule

    def check_model(self, model: str) -> None:
        """Raises ``Forbidden`` for a model that is not allowed, ``Unavailable`` where rules are missing. What is
        recorded asks no model."""
        self._reread()
        if not model.startswith("demo:"):
            self._check("models", model, "model")
            self._must_be_known()

    def allows_model(self, model: str) -> bool:
        """Whether they name it, or name none."""
        return model.startswith("demo:") or allows(self.rules, "models", model)

    def allows_template(self, name: str) -> bool:
        """The same of a template."""
        return allows(self.rules, "templates", name)

    def check_template(self, name: str) -> None:
        """Raises ``Forbidden``."""
        self._check("templates", name, "template")

    def _check(self, rule: str, name: str, what: str) -> None:
        if not allows(self.rules, rule, name):
            known = ", ".join(self.rules[rule][:10])
            raise Forbidden(
                f"Your administrator does not allow the {what} {name}.",
                hint=f"Choose one of these: {known}.",
                reason="not_allowed",
                field=what,
            )

    def _must_be_known(self) -> None:
        if self._required and self._clock() - self._confirmed > CONFIRMED_SECONDS:
            raise Unavailable(
                "The Hub's service, which has the rules of your administrator, does not answer.",
                hint="Try again in a moment; if it goes on, tell your administrator.",
                reason="rules_missing",
            )
