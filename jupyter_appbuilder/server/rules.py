"""Approval rules: those for every app, and those for one."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..approvals.rules import ACTIONS, COMMAND_TOOL, MAX_PATTERN, ApprovalRule, read_rule
from .base import AppBuilderHandler


class _RulesHandler(AppBuilderHandler):
    async def _list(self, session: str = "") -> None:
        from ..approvals.rule_book import described

        rules = await self.builder.rules_of((await self.session(session)).record if session else None)
        self.answer(described(rules.all()))

    def _rule(self) -> ApprovalRule:
        body = self.body("tool", "pattern", "action")
        tool = body.text("tool", COMMAND_TOOL, max_length=100)
        pattern, action = body.text("pattern", max_length=MAX_PATTERN), body.choice("action", ACTIONS)
        return read_rule({"tool": tool, "pattern": pattern, "action": action})


class RulesHandler(_RulesHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        await self._list()

    @web.authenticated
    @authorized
    async def post(self) -> None:
        self.builder.rule_book.add(self._rule())
        await self._list()


class RuleHandler(_RulesHandler):
    @web.authenticated
    @authorized
    async def delete(self, rule: str) -> None:
        self.builder.rule_book.remove(rule)
        self.set_status(204)
        self.finish()


class SessionRulesHandler(_RulesHandler):
    @web.authenticated
    @authorized
    async def get(self, session: str) -> None:
        await self._list(session)

    @web.authenticated
    @authorized
    async def post(self, session: str) -> None:
        rule = self._rule()
        await (await self.session(session)).set_rule(rule)
        await self._list(session)


class SessionRuleHandler(_RulesHandler):
    @web.authenticated
    @authorized
    async def delete(self, session: str, rule: str) -> None:
        await (await self.session(session)).forget_rule(rule)
        self.set_status(204)
        self.finish()
