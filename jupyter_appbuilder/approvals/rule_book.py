"""Loads rules from the configuration, the person's file and an app's log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..errors import AppBuilderError, Conflict, InvalidInput, NotFound, Unavailable
from ..events import By, Draft, Event, RuleSource
from ..settings import write_settings
from .rules import ApprovalRule, read_rules

MOST = 1000  # rules of one person


class RuleBook:
    """The rules that hold in every app: the administrator's, and the person's own, which are kept in ``path``.

    The file is read whenever rules are asked for: what another process changed counts at once.
    """

    def __init__(self, path: Path, configured: Iterable[object] = ()) -> None:
        """Raises ``InvalidInput`` for a configured rule that is none."""
        self.path = path
        self.configuration = read_rules(configured)

    @property
    def person(self) -> tuple[ApprovalRule, ...]:
        """The person's own. Raises ``Unavailable`` where the file cannot be read: a deny in it must not get lost."""
        try:
            data: Any = json.loads(self.path.read_text())
            return read_rules(data["rules"])
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, KeyError, TypeError, InvalidInput) as error:
            raise Unavailable(
                f"The approval rules in {self.path} cannot be read: {error}.",
                hint="Correct the file, or delete it to start over.",
                reason="rules_unreadable",
            ) from None

    def add(self, rule: ApprovalRule) -> None:
        """Keep a rule. One for the same tool and pattern is replaced. Raises ``Conflict`` for one too many."""
        others = [known for known in self.person if (known.tool, known.pattern) != (rule.tool, rule.pattern)]
        if len(others) >= MOST:
            raise Conflict(f"There are {MOST:,} rules already.", hint="Remove some first.", reason="too_many_rules")
        self._write([*others, rule])

    def remove(self, id: str) -> ApprovalRule:
        """Forget a rule of the person's. Raises ``NotFound``, also for one that is somebody else's."""
        mine = self.person
        found = find_rule(id, mine)
        if found is None:
            raise unknown(id, self.configuration)
        self._write([rule for rule in mine if rule.id != id])
        return found

    def _write(self, rules: Sequence[ApprovalRule]) -> None:
        write_settings(self.path, {"rules": [rule.to_json() for rule in rules]})


def find_rule(id: str, rules: Iterable[ApprovalRule]) -> ApprovalRule | None:
    return next((rule for rule in rules if rule.id == id), None)


def unknown(id: str, configured: Iterable[ApprovalRule] = ()) -> AppBuilderError:
    if find_rule(id, configured):
        hint = "It is set by the administrator: c.AppBuilder.approval_rules."
    else:
        hint = "List them: jupyter appbuilder rules"
    return NotFound(f"There is no rule {id[:40]!r} to remove here.", hint=hint, reason="unknown_rule")


def app_rules(events: Iterable[Event]) -> tuple[ApprovalRule, ...]:
    """Rules that the person set for one app and has not removed."""
    found: dict[tuple[str, str], ApprovalRule] = {}
    for event in events:
        if event.type == "rule.changed":
            data = event.data
            key = (data["tool"], data["pattern"])
            found.pop(key, None)
            if data["holds"]:
                found[key] = ApprovalRule(data["tool"], data["pattern"], data["action"])
    return tuple(found.values())


def changed(rule: ApprovalRule, *, holds: bool, by: By) -> Draft:
    """The event of a rule of an app's that was made or taken back."""
    data = {"tool": rule.tool, "pattern": rule.pattern, "action": rule.action, "holds": holds, "by": by}
    return Draft("rule.changed", data)


def described(rules: Iterable[tuple[RuleSource, ApprovalRule]]) -> list[dict[str, str]]:
    """Rules as the API shows them."""
    return [{"id": rule.id, "source": source} | rule.to_json() for source, rule in rules]
