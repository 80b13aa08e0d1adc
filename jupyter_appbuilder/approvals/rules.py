"""Approval rules: their fields, parsing, and the built-in set."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from ..errors import InvalidInput
from ..events import RuleAction

ACTIONS: tuple[RuleAction, ...] = get_args(RuleAction)

COMMAND_TOOL = "run_command"

SOURCE, EXISTING, OTHERS = "{source}", "{existing}", "{others}"
"""Words of a pattern that stand for operands of a kind: a path that is no build output; one of these that is there
already; a process that the same command line did not start."""

UNREADABLE = "{unreadable}"
"""In place of a command's name: what runs there cannot be told from the line."""

MAX_PATTERN = 2000  # characters


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """``pattern`` is matched with a command as ``patterns`` says, or with what another tool works on (a path, a
    package) as a file name's pattern. ``reason`` says to people what is at stake."""

    tool: str  # a tool's name, or a pattern of names
    pattern: str
    action: RuleAction
    reason: str = ""

    @property
    def id(self) -> str:
        """The same rule has the same id, wherever it is kept."""
        key = "\0".join((self.tool, self.pattern, self.action))
        return hashlib.sha256(key.encode()).hexdigest()[:12]

    def to_json(self) -> dict[str, str]:
        return {"tool": self.tool, "pattern": self.pattern, "action": self.action, "reason": self.reason}


def read_rule(data: object) -> ApprovalRule:
    """A rule as configured or sent: ``{"tool": "run_command", "pattern": "git push *", "action": "deny"}``, of which
    the tool can be left out. Raises ``InvalidInput`` naming the field."""
    if not isinstance(data, Mapping):
        raise InvalidInput(
            "An approval rule is an object with tool, pattern and action.",
            hint='Such as {"tool": "run_command", "pattern": "git push *", "action": "deny"}.',
        )
    fields = cast("Mapping[str, Any]", data)
    if unknown := set(fields) - {"tool", "pattern", "action", "reason"}:
        raise InvalidInput(
            f"An approval rule has no {sorted(map(str, unknown))[0]!r}.",
            hint="It has tool, pattern, action and reason.",
        )
    texts = {
        name: fields.get(name, default) for name, default in (("tool", COMMAND_TOOL), ("pattern", ""), ("reason", ""))
    }
    for name, text in texts.items():
        if not isinstance(text, str) or len(text) > MAX_PATTERN:
            raise InvalidInput(f"A rule's {name} is text of at most {MAX_PATTERN:,} characters.", field=name)
    action = fields.get("action")
    if action not in ACTIONS:
        raise InvalidInput(f"A rule's action cannot be {action!r}.", hint="It is allow, ask or deny.", field="action")
    tool, pattern = texts["tool"].strip(), texts["pattern"].strip() or "*"
    if not re.fullmatch(r"[\w*?.-]+", tool):
        raise InvalidInput(
            f"{tool[:60]!r} is not a tool's name.", hint="Such as run_command, delete_file or *.", field="tool"
        )
    if tool == COMMAND_TOOL:
        split_pattern(pattern)
    return ApprovalRule(tool, pattern, action, texts["reason"].strip())


def read_rules(data: Iterable[object]) -> tuple[ApprovalRule, ...]:
    return tuple(read_rule(item) for item in data)


def split_pattern(pattern: str) -> list[str]:
    """A command pattern's words. Raises ``InvalidInput`` where a quote is left open."""
    try:
        words = shlex.split(pattern)
    except ValueError:
        raise InvalidInput(
            f"The pattern {pattern[:100]!r} has a quote that does not end.", hint="Close it.", field="pattern"
        ) from None
    if not words:
        raise InvalidInput("The pattern is empty.", hint="Such as: git push *", field="pattern")
    return words


def _asking(reason: str, *patterns: str) -> list[ApprovalRule]:
    return [ApprovalRule(COMMAND_TOOL, pattern, "ask", reason) for pattern in patterns]


DEFAULT_RULES: tuple[ApprovalRule, ...] = (
    *_asking(
        "It deletes folders with all that is in them.",
        f"rm|grm -r|-R|--recursive {SOURCE}",
        f"rimraf|del-cli|trash {SOURCE}",
        "rsync * --delete|--delete-before|--delete-after|--delete-during|--delete-excluded|--remove-source-files *",
    ),
    *_asking("It destroys what a file holds.", f"shred {SOURCE}"),
    *_asking("It overwrites a file of the app from scratch.", f"> {EXISTING}"),
    *_asking(
        "It throws away changes or history in git.",
        "git reset *",
        "git clean *",
        "git push * -f|--force|--force-with-lease|--force-if-includes|--mirror|--delete|-d *",
        "git push * +*|:* *",
        "git checkout * -f|--force *",
        "git checkout * .|--|*/ *",
        "git restore *",
        "git rm * -r *",
        "git branch * -D|--delete|-d *",
        "git stash drop|clear *",
        "git filter-branch|filter-repo *",
        "git reflog expire|delete *",
        "git update-ref * -d *",
    ),
    *_asking(
        "It deletes data of a database.",
        "DROP *",
        "TRUNCATE *",
        "DELETE *",
        "dropdb|dropuser *",
        "redis-cli|valkey-cli * flushall|flushdb *",
        "prisma migrate reset *",
        "prisma db push * --force-reset|--accept-data-loss *",
        "drizzle-kit drop *",
        "sequelize|sequelize-cli db:drop|db:migrate:undo:all *",
        "knex migrate:rollback * --all *",
        "typeorm|typeorm-ts-node-esm schema:drop *",
        "rails|rake|bin/rails db:drop*|db:reset*|db:purge* *",
        "python* *manage.py flush|reset_db|sqlflush *",
        "django-admin flush *",
        "alembic downgrade base *",
        "mysqladmin * drop *",
    ),
    *_asking(
        "It ends processes that it did not start.",
        f"kill {OTHERS}",
        "pkill|killall|skill|xkill *",
        "fuser * -k|--kill *",
        "kill-port|fkill *",
    ),
    *_asking(
        "It changes the rights of many files at once.",
        "chmod|chown|chgrp * -R|--recursive *",
    ),
    *_asking("It turns the machine off or formats a disk.", "shutdown|reboot|halt|poweroff *", "mkfs*|wipefs|fdisk *"),
    *_asking("What it runs cannot be told beforehand.", f"{UNREADABLE} *"),
)
"""Destructive commands wait for the person. What the tools for files do is kept as versions, and not asked for."""
