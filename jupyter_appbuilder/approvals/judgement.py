"""Evaluates rules against a call: allow, ask or deny."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..events import RuleAction, RuleSource
from .patterns import Fit, Place, exactly, fit
from .rules import ACTIONS, COMMAND_TOOL, DEFAULT_RULES, MAX_PATTERN, UNREADABLE, ApprovalRule
from .shell import Command, Word, read

LAYERS: tuple[RuleSource, ...] = ("app", "person", "configuration", "default")
"""Who is heard first where nothing is denied: the most particular."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules that hold in a session, by who wrote them."""

    configuration: tuple[ApprovalRule, ...] = ()
    person: tuple[ApprovalRule, ...] = ()
    app: tuple[ApprovalRule, ...] = ()
    default: tuple[ApprovalRule, ...] = DEFAULT_RULES

    def all(self) -> list[tuple[RuleSource, ApprovalRule]]:
        """Every rule, those that count most first."""
        order: tuple[RuleSource, ...] = ("configuration", "app", "person", "default")
        return [(source, rule) for source in order for rule in self.of(source)]

    def of(self, source: RuleSource) -> tuple[ApprovalRule, ...]:
        match source:
            case "configuration":
                return self.configuration
            case "person":
                return self.person
            case "app":
                return self.app
            case "default":
                return self.default


@dataclass(frozen=True, slots=True)
class Verdict:
    """``rule`` is the one that decided, ``what`` the part of the call it fits; None and "" where nothing was said
    against it. ``allows`` are the rules that would let the same call through from now on; none where it cannot be told
    what that would allow, or the administrator wants to have it asked."""

    action: RuleAction
    rule: ApprovalRule | None = None
    source: RuleSource | None = None
    what: str = ""
    allows: tuple[ApprovalRule, ...] = ()


ALLOWED = Verdict("allow")


def judge(rules: Rules, tool: str, subjects: Sequence[str], exists: Callable[[str], bool]) -> Verdict:
    """What becomes of a call of a tool that works on ``subjects`` (``Tool.subjects``; of commands, the command line). A
    deny counts, whoever wrote it; then what the administrator wants to have asked; then the most particular: the rules
    of the app, the person's, the administrator's, the built-in ones, in each of which asking goes before allowing. What
    no rule fits is allowed."""
    if tool != COMMAND_TOOL:
        return _worst([_judge_subject(rules, tool, subject) for subject in subjects])
    reading = read("\n".join(subjects))
    place = Place(exists, reading.bases)
    commands = reading.commands or (Command((Word(":"),)),)
    return _worst([_judge_command(rules, command, place) for command in commands])


def _judge_command(rules: Rules, command: Command, place: Place) -> Verdict:
    pattern = exactly(command)
    told = pattern is not None and len(pattern) <= MAX_PATTERN and command.name != UNREADABLE
    exact = (ApprovalRule(COMMAND_TOOL, pattern, "allow"),) if pattern and told else ()
    whole = Command(command.origin) if command.origin else None
    return _decide(
        rules,
        COMMAND_TOOL,
        str(command),
        exact,
        lambda rule: (
            # What allows a command allows what it comes to.
            "yes"
            if rule.action == "allow" and whole and fit(rule.pattern, whole, place) == "yes"
            else fit(rule.pattern, command, place)
        ),
    )


def _judge_subject(rules: Rules, tool: str, subject: str) -> Verdict:
    return _decide(
        rules,
        tool,
        subject,
        (ApprovalRule(tool, _literally(subject), "allow"),) if len(subject) <= MAX_PATTERN else (),
        lambda rule: "yes" if fnmatchcase(subject, rule.pattern) else "no",
    )


def _decide(
    rules: Rules, tool: str, what: str, exact: tuple[ApprovalRule, ...], fits: Callable[[ApprovalRule], Fit]
) -> Verdict:
    fitting: list[tuple[RuleSource, ApprovalRule, Fit]] = [
        (source, rule, found)
        for source, rule in rules.all()
        if fnmatchcase(tool, rule.tool) and (found := fits(rule)) != "no"
    ]
    for source, rule, found in fitting:
        if rule.action == "deny" and found == "yes":
            return Verdict("deny", rule, source, what)
    # Where it depends on what cannot be told from here whether something denied is done, the person has a look.
    for source, rule, _ in fitting:
        if rule.action == "deny" or (rule.action == "ask" and source == "configuration"):
            return Verdict("ask", rule, source, what)
    for layer in LAYERS:
        mine = [(rule, found) for source, rule, found in fitting if source == layer]
        for rule, _ in mine:
            if rule.action == "ask":
                return Verdict("ask", rule, layer, what, exact)
        for rule, found in mine:
            if rule.action == "allow" and found == "yes":
                return Verdict("allow", rule, layer, what)
    return ALLOWED


def _worst(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict for all parts of a call. What would allow it has to allow each part that asks."""
    asking = [verdict for verdict in verdicts if verdict.action == "ask"]
    worst = max(verdicts, key=lambda verdict: ACTIONS.index(verdict.action), default=ALLOWED)
    if worst.action != "ask":
        return worst
    allows = tuple(dict.fromkeys(rule for verdict in asking for rule in verdict.allows))
    if not all(verdict.allows for verdict in asking):
        allows = ()
    return Verdict("ask", worst.rule, worst.source, worst.what, allows)


def _literally(text: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in text)
