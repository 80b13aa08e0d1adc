"""``rules``: lists and edits the person's approval rules, and tests a command against them."""

from __future__ import annotations

import argparse
import json
from itertools import groupby
from pathlib import Path

from ..approvals.judgement import Rules, judge
from ..approvals.rule_book import RuleBook, described
from ..approvals.rules import COMMAND_TOOL, ApprovalRule, read_rule
from ..builder import AppBuilder
from ..errors import InvalidInput, NotFound
from ..events import RuleSource
from ..settings import configuration
from .terminal import Terminal, say

HEADINGS: dict[RuleSource, str] = {
    "configuration": "Set by the administrator (c.AppBuilder.approval_rules)",
    "person": "Yours",
    "default": "Built in",
}


def rules(options: argparse.Namespace, terminal: Terminal) -> int:
    builder = AppBuilder(label="jupyter appbuilder rules", config=configuration())
    book = builder.rule_book
    if options.action == "list" and options.pattern:
        raise InvalidInput("A list takes no pattern.", hint=f"Try: jupyter appbuilder rules check '{options.pattern}'")
    if options.action != "list" and not options.pattern:
        raise InvalidInput(
            "The pattern is missing.", hint=f"Such as: jupyter appbuilder rules {options.action} 'git push *'"
        )
    match options.action:
        case "check":
            return _check(options, book)
        case "list":
            pass
        case "remove":
            removed = book.remove(_id_of(options, book))
            terminal.note(f"Removed: {_line(removed)}")
        case _:
            rule = read_rule({"tool": options.tool, "pattern": options.pattern, "action": options.action})
            book.add(rule)
            terminal.note(f"Added: {_line(rule)}")
    if options.json:
        print(json.dumps({"rules": described(_rules(book).all())}))
    elif options.action == "list":
        _list(book, terminal)
    return 0


def _rules(book: RuleBook) -> Rules:
    return Rules(book.configuration, book.person)


def _id_of(options: argparse.Namespace, book: RuleBook) -> str:
    """Find the id of the person's rule that is meant, by its id or its pattern. Raises ``NotFound``."""
    found = [rule.id for rule in book.person if options.pattern in (rule.id, rule.pattern)]
    if not found and any(options.pattern in (rule.id, rule.pattern) for rule in book.configuration):
        raise NotFound("That rule is set by the administrator.", hint="Ask them: c.AppBuilder.approval_rules.")
    if not found:
        raise NotFound(f"You have no rule {options.pattern!r}.", hint="List them: jupyter appbuilder rules")
    return found[0]


def _check(options: argparse.Namespace, book: RuleBook) -> int:
    """Say what the rules make of a call. Exit code 0 where it runs, 3 where it asks, 4 where it is denied."""
    from ..tools.registry import load_tools

    tool = load_tools().get(options.tool)
    subjects = tool.subjects({tool.subject[0]: options.pattern}) if tool and tool.subject else [options.pattern]
    verdict = judge(_rules(book), options.tool, subjects, lambda path: Path(path).exists())
    rule = verdict.rule
    if options.json:
        told = {"rule": rule and rule.to_json(), "source": verdict.source, "what": verdict.what}
        print(json.dumps({"action": verdict.action} | told))
    elif rule is None:
        say("It runs: no rule fits.")
    else:
        said = {"allow": "It runs", "ask": "It asks", "deny": "It does not run"}[verdict.action]
        written = HEADINGS.get(verdict.source, "") if verdict.source else ""
        say(f"{said}. {rule.reason}".rstrip())
        say(f"  because of  {verdict.what}")
        say(f"  rule        {rule.pattern}  ({written[:1].lower()}{written[1:]})")
    return {"allow": 0, "ask": 3, "deny": 4}[verdict.action]


def _list(book: RuleBook, terminal: Terminal) -> None:
    found = _rules(book)
    for source, heading in HEADINGS.items():
        mine = found.of(source)
        if not mine and source != "person":
            continue
        terminal.heading(heading)
        for reason, group in groupby(mine, key=lambda rule: rule.reason):
            if reason:
                terminal.note(f"  {reason}")
            for rule in group:
                say(f"  {rule.id}  {_line(rule)}" if source == "person" else f"  {_line(rule)}")
        if not mine:
            terminal.note("  None yet. Such as: jupyter appbuilder rules deny 'git push *'")
    terminal.note("Deny always wins; your rules come before the built-in ones. A call that no rule matches runs.")


def _line(rule: ApprovalRule) -> str:
    tool = "" if rule.tool == COMMAND_TOOL else f"{rule.tool}: "
    return f"{rule.action:<5}  {tool}{rule.pattern}"
