"""What the gate takes from the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.approvals.gate import Gate
from jupyter_appbuilder.approvals.judgement import Rules
from jupyter_appbuilder.approvals.rule_book import RuleBook, app_rules, changed
from jupyter_appbuilder.approvals.rules import ApprovalRule
from jupyter_appbuilder.errors import Conflict, NotFound
from jupyter_appbuilder.events import Draft
from jupyter_appbuilder.tools.base import ToolContext
from jupyter_appbuilder.tools.registry import load_tools
from tests.tools.bench import MemoryJournal

REMOVE = ApprovalRule("run_command", "rm -rf old", "allow")


class Folder:
    def __init__(self, app: Path) -> None:
        self.app = app


async def pass_gate(folder: Path, journal: MemoryJournal, call: str, command: str = "rm -rf old") -> Any:
    """What becomes of a call where there is nobody to ask."""

    async def events() -> Any:
        return journal.events

    async def rules() -> Rules:
        return Rules(app=app_rules(journal.events))

    nothing: Any = None
    workspace: Any = Folder(folder)
    context = ToolContext(workspace, nothing, nothing, nothing, call=call, turn="t1")
    return await Gate(journal, events, rules).refusal(load_tools()["run_command"], {"command": command}, context)


def answered(granted: bool, **given: Any) -> list[Draft]:
    asked = {"approval": "r1.0.a1", "turn": "t1", "call": "r1.0", "question": "May it?", "kind": "command"}
    return [
        Draft("approval.requested", asked | {"subject": "rm -rf old"}),
        Draft("approval.given", {"approval": "r1.0.a1", "granted": granted} | given),
    ]


async def test_an_answer_that_a_dead_process_got_counts_for_that_call_alone(tmp_path: Path) -> None:
    journal = MemoryJournal()
    await journal.append(*answered(True))
    assert await pass_gate(tmp_path, journal, "r1.0") is None
    refused = await pass_gate(tmp_path, journal, "r2.0")
    assert "nobody could be asked" in refused.text
    assert "jupyter appbuilder rules allow 'rm -rf old'" in refused.text


async def test_a_no_that_a_dead_process_got_counts_and_a_question_it_left_open_does_not(tmp_path: Path) -> None:
    journal = MemoryJournal()
    await journal.append(*answered(False))
    assert "does not allow" in (await pass_gate(tmp_path, journal, "r1.0")).text
    journal = MemoryJournal()
    await journal.append(*answered(False, cause="interrupted"))
    assert "nobody could be asked" in (await pass_gate(tmp_path, journal, "r1.0")).text


async def test_a_rule_of_the_app_is_what_the_log_says_last(tmp_path: Path) -> None:
    journal = MemoryJournal()
    await journal.append(changed(REMOVE, holds=True, by="person"))
    assert await pass_gate(tmp_path, journal, "r1.0") is None
    deny = ApprovalRule(REMOVE.tool, REMOVE.pattern, "deny")
    await journal.append(changed(deny, holds=True, by="person"))
    assert app_rules(journal.events) == (deny,)
    await journal.append(changed(deny, holds=False, by="person"))
    assert app_rules(journal.events) == ()


def test_the_persons_rules_are_kept_and_seen_by_other_processes(tmp_path: Path) -> None:
    admin = {"pattern": "git push *", "action": "deny"}
    book, other = (RuleBook(tmp_path / "data" / "approval_rules.json", [admin]) for _ in range(2))
    assert book.person == ()
    book.add(REMOVE)
    book.add(ApprovalRule("install_packages", "*", "ask"))
    book.add(ApprovalRule(REMOVE.tool, REMOVE.pattern, "ask"))  # in place of the first
    assert [rule.action for rule in other.person] == ["ask", "ask"]
    assert other.remove(other.person[0].id).tool == "install_packages"
    assert [rule.pattern for rule in book.person] == ["rm -rf old"]
    with pytest.raises(NotFound, match="administrator"):
        book.remove(book.configuration[0].id)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["approval_rules.json"]


def test_there_is_an_end_to_how_many_rules_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyter_appbuilder.approvals.rule_book.MOST", 1)
    book = RuleBook(tmp_path / "rules.json")
    book.add(REMOVE)
    with pytest.raises(Conflict, match="already"):
        book.add(ApprovalRule("run_command", "ls", "ask"))
