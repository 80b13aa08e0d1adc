"""Budgets: limits in US dollars and tokens for a turn, a session and a day."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from sys import float_info
from typing import Any, Literal, cast, get_args

from ..errors import AppBuilderError, InvalidInput
from ..settings import write_settings
from .days import zone

Scope = Literal["turn", "session", "day", "month"]
Unit = Literal["dollars", "tokens"]
Source = Literal["configuration", "person", "session", "hub"]

SCOPES: tuple[Scope, ...] = ("turn", "session", "day")
"""What the administrator and the person set budgets for. A JupyterHub's service has those of a month, too."""
UNITS: tuple[Unit, ...] = get_args(Unit)

TRAITS: Mapping[tuple[Scope, Unit], str] = {
    ("turn", "dollars"): "turn_budget",
    ("turn", "tokens"): "max_tokens",
    ("session", "dollars"): "session_budget",
    ("session", "tokens"): "session_tokens",
    ("day", "dollars"): "day_budget",
    ("day", "tokens"): "day_tokens",
}
"""What configures each, in ``c.AppBuilder``."""
PER: Mapping[Scope, str] = {"turn": "each request", "session": "each session", "day": "the day", "month": "the month"}

WARN_AT = 0.8
"""The part of a budget from which on people are told that it comes to its end."""


MOST = 1e12  # of any unit: more is a slip of the keyboard


@dataclass(frozen=True, slots=True)
class Limit:
    """``source``: who set it: the administrator, the person for all sessions, or the person for one session."""

    scope: Scope
    unit: Unit
    limit: float
    source: Source


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit and what is used of it."""

    scope: Scope
    unit: Unit
    limit: float
    source: Source
    used: float

    @property
    def fraction(self) -> float:
        return self.used / self.limit if self.limit else 1.0

    def to_json(self) -> dict[str, Any]:
        return {
            "scope": self.scope,
            "unit": self.unit,
            "limit": self.limit,
            "used": self.used,
            "source": self.source,
            "near": self.fraction >= WARN_AT,
            "over": self.fraction >= 1,
        }


class OverBudget(AppBuilderError):
    """A request that a budget does not allow. Ends the turn with reason "budget"."""

    status = 409
    default_reason = "budget"


def amount(unit: Unit, value: float) -> str:
    """For people: "$1.50", "12,000 tokens". What is less than a cent keeps two digits that say something."""
    if unit == "tokens":
        return f"{round(value):,} tokens"
    return f"${value:.2f}" if value >= 0.1 or not value else f"${value:.{max(2, 1 - math.floor(math.log10(value)))}f}"


def over(budget: Budget, next_request: float) -> OverBudget:
    """The error for a budget that the next request to the model would not fit into; ``next_request`` is in its unit.

    In the words of the usage page: what a person asks for is a request, and one to the model is a step.
    """
    whose = {"turn": "This request", "session": "This session", "day": "Today's work", "month": "This month's work"}[
        budget.scope
    ]
    limit = amount(budget.unit, budget.limit)
    if budget.used >= budget.limit:
        message = f"{whose} has used {amount(budget.unit, budget.used)}; its budget is {limit}."
    elif budget.used:
        message = (
            f"{whose} has used {amount(budget.unit, budget.used)} of its budget of {limit}, and the next step would "
            f"take about {amount(budget.unit, next_request)} more."
        )
    else:
        message = (
            f"The next step would take about {amount(budget.unit, next_request)}; the budget of "
            f"{PER[budget.scope]} is {limit}."
        )
    return OverBudget(message, hint=_next_step(budget))


def _next_step(budget: Budget) -> str:
    mine = budget.source != "configuration"
    trait = f"c.AppBuilder.{TRAITS[budget.scope, budget.unit]}"
    match budget.scope:
        case "turn":
            go_on = 'Say "go on", which is a new request' if budget.used else "Ask for less at a time"
            return f"{go_on}, or raise {'the budget on the usage page' if mine else trait}."
        case "session":
            return (
                "Raise it for this session on the usage page, or start a new session."
                if mine
                else f"Start a new session, or have {trait} raised."
            )
        case "month":
            return "Go on next month, or have it raised."
        case "day":
            return (
                "Raise it on the usage page, or go on tomorrow." if mine else f"Go on tomorrow, or have {trait} raised."
            )


@dataclass(frozen=True, slots=True)
class OwnBudgets:
    """Budgets that a person set on the usage page. ``timezone`` is where their day begins; empty: the server's."""

    limits: Mapping[tuple[Scope, Unit], float] = field(default_factory=dict[tuple[Scope, Unit], float])
    timezone: str = ""


class BudgetSettings:
    """The administrator's budgets, and a person's own in ``file``. A budget of 0 is none."""

    def __init__(self, file: Path, configured: Mapping[tuple[Scope, Unit], float], timezone: str = "") -> None:
        """``timezone``: where the administrator's day begins. Raises ``InvalidInput`` for one that there is not."""
        zone(timezone)
        self._file = file
        self.stricter: Callable[[tuple[Scope, Unit], float], float] = lambda key, value: value
        """Of each configured budget, 0 for none: what holds by rules that are stricter."""
        self._configured = {key: float(value) for key, value in configured.items()}
        self.configured_timezone = timezone
        self._read: tuple[int, OwnBudgets] = (0, OwnBudgets())

    @property
    def configured(self) -> Mapping[tuple[Scope, Unit], float]:
        """The administrator's, without those that are none."""
        found = {key: self.stricter(key, self._configured.get(key, 0.0)) for key in TRAITS}
        return {key: value for key, value in found.items() if value > 0}

    @property
    def own(self) -> OwnBudgets:
        try:
            changed = self._file.stat().st_mtime_ns
        except OSError:
            return OwnBudgets()
        if self._read[0] != changed:
            try:
                data = json.loads(self._file.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                data = {}
            self._read = (changed, _clean(data))
        return self._read[1]

    @property
    def timezone(self) -> str:
        """The time zone of the person's day."""
        return self.own.timezone or self.configured_timezone

    def set_own(self, changes: Mapping[tuple[Scope, Unit], float], timezone: str | None = None) -> None:
        """Set some of a person's own budgets, 0 for none; the others stay.

        Raises ``InvalidInput`` for one above what the administrator set, or an unknown time zone.
        """
        own = self.own
        for key, value in changes.items():
            self.check(key, value)
        if timezone:
            zone(timezone)
        limits = {key: value for key, value in {**own.limits, **changes}.items() if value > 0}
        data: dict[str, Any] = {"timezone": own.timezone if timezone is None else timezone}
        for (scope, unit), value in limits.items():
            data.setdefault(scope, {})[unit] = value
        self._write(data)

    def check(self, key: tuple[Scope, Unit], value: float) -> None:
        """Raise ``InvalidInput`` unless a person may set a budget to this."""
        scope, unit = key
        most = self.configured.get(key)
        if not 0 <= value <= float_info.max:
            raise InvalidInput("A budget is a number of at least 0.", hint="0 is no budget.", field=f"{scope}.{unit}")
        if most is not None and value > most:
            raise InvalidInput(
                f"A {scope}'s budget cannot be more than {amount(unit, most)} here.",
                hint=f"Set by the administrator: c.AppBuilder.{TRAITS[key]}."
                if most == self._configured.get(key)
                else "Set by the JupyterHub's administrator, for everybody.",
                field=f"{scope}.{unit}",
            )

    def limits(self, raised: Mapping[str, float]) -> list[Limit]:
        """The limits that hold, the smallest for each scope and unit, in a session that was let use ``raised``."""
        own: dict[tuple[Scope, Unit], tuple[float, Source]] = {
            key: (value, "person") for key, value in self.own.limits.items()
        }
        own |= {("session", unit): (raised[unit], "session") for unit in UNITS if unit in raised}
        found: list[Limit] = []
        for scope in SCOPES:
            for unit in UNITS:
                value, source = own.get((scope, unit), (0.0, "person"))
                most = self.configured.get((scope, unit))
                if value and (most is None or value <= most):
                    found.append(Limit(scope, unit, value, source))
                if most is not None and (not value or value > most or (scope == "day" and self.timezone != "")):
                    # A person says where their own day begins, but not when the administrator's is over.
                    found.append(Limit(scope, unit, most, "configuration"))
        return found

    def to_json(self) -> dict[str, Any]:
        def table(limits: Mapping[tuple[Scope, Unit], float]) -> dict[str, Any]:
            return {scope: {unit: limits.get((scope, unit)) for unit in UNITS} for scope in SCOPES}

        return {
            "own": table(self.own.limits),
            "configured": table(self.configured),
            "timezone": self.own.timezone,
            "configured_timezone": self.configured_timezone,
        }

    def _write(self, data: Mapping[str, Any]) -> None:
        write_settings(self._file, data)
        self._read = (0, OwnBudgets())


def _clean(data: Any) -> OwnBudgets:
    """The file's content as far as it has the right shape: a person may have edited it."""
    if not isinstance(data, dict):
        return OwnBudgets()
    entries = cast("dict[str, Any]", data)
    limits: dict[tuple[Scope, Unit], float] = {}
    for scope in SCOPES:
        given = entries.get(scope)
        for unit in UNITS:
            value = cast("dict[str, Any]", given).get(unit) if isinstance(given, dict) else None
            if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= float_info.max:
                limits[scope, unit] = float(value)
    timezone = entries.get("timezone")
    try:
        zone(timezone if isinstance(timezone, str) else "")
    except InvalidInput:
        timezone = ""
    return OwnBudgets(limits, timezone if isinstance(timezone, str) else "")


def read_changes(data: object) -> tuple[dict[tuple[Scope, Unit], float], str | None]:
    """A person's own budgets as sent, ``{"day": {"dollars": 5}, "timezone": "Asia/Tokyo"}``: what is to be set, 0 for
    none, and the time zone, None for the one that there is. Raises ``InvalidInput`` naming the field."""
    changes: dict[tuple[Scope, Unit], float] = {}
    timezone: str | None = None
    for name, value in _object(data, "changes").items():
        if name == "timezone":
            if value is not None and not (isinstance(value, str) and len(value) <= 100):
                raise InvalidInput("A time zone is text, such as Europe/Berlin.", field=name)
            timezone = value
        elif name not in SCOPES:
            raise InvalidInput(
                f"There is no budget for {name[:60]!r}.", hint=f"Choose one of: {', '.join(SCOPES)}.", field=name[:60]
            )
        elif value is not None:
            for unit, amount in _object(value, name).items():
                if unit not in UNITS:
                    raise InvalidInput(
                        f"A budget has no {unit[:60]!r}.", hint=f"Choose one of: {', '.join(UNITS)}.", field=name
                    )
                changes[name, unit] = read_amount(amount, f"{name}.{unit}")
    if not changes and timezone is None:
        raise InvalidInput(
            "There is nothing to set.", hint='Send a scope, such as {"day": {"dollars": 5}}.', field="day"
        )
    return changes, timezone


def read_amount(value: object, field: str) -> float:
    """A number from 0 on; None is 0, no budget."""
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST:
        raise InvalidInput(
            f"{field!r} must be a number of at least 0.", hint="0 or null removes the budget.", field=field
        )
    return float(value)


def _object(value: object, field: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise InvalidInput(f"{field!r} must be an object.", field=field)
    return {str(key): item for key, item in cast("dict[object, object]", value).items()}
