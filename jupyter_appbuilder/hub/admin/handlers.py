"""The administrator's pages as routes. Every page is a form's target, too: what a button does is named by ``act``."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import secrets
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode

from jupyterhub.services.auth import HubOAuthenticated, UserNotAllowed
from tornado import web
from tornado.template import Loader

from ...errors import AppBuilderError, InvalidInput, NotFound
from ...publishing.base import GATE_KINDS
from ...publishing.jupyterhub import JupyterHub, server_name
from ...usage.days import zone
from ...usage.hub_rules import SANDBOXES
from .. import audit
from ..ledger import DOLLAR, MOST, LimitScope, Period, Person, Scope, shown
from ..reporting import GONE_SECONDS
from .access import Administrators
from .charts import by_size, stacked
from .figures import DAYS, Figures, days_until

if TYPE_CHECKING:
    from ..service import Hub

PAGE = 50
PLACES = (
    ("", "Overview"),
    ("users", "Users"),
    ("groups", "Groups"),
    ("usage", "Usage"),
    ("live", "Live"),
    ("apps", "Published apps"),
    ("limits", "Limits"),
    ("grants", "Grants"),
    ("rules", "Rules for all"),
    ("audit", "Audit log"),
)
DONE = {
    "limit": "The limit is set.",
    "grant": "The grant is made.",
    "stop": "It is told to stop, with its server's next report (some seconds).",
    "stop_all": "Their servers are told to stop everything, with their next report (some seconds).",
    "unpublish": "It is taken down. Where its owner's server is asleep, that happens as soon as it runs.",
    "rules": "The rules are set. Servers that run get them within a minute.",
}
SCOPE_NAMES = {
    "user": "one user",
    "member": "each member of a group",
    "group": "a group together",
    "everyone": "each user without another",
    "hub": "everybody together",
}

log = logging.getLogger(__name__)


@dataclass
class Administration:
    """What the pages are made with."""

    hub: Hub
    api: JupyterHub
    administrators: Administrators
    prefix: str  # "/services/appbuilder/admin/"

    @property
    def figures(self) -> Figures:
        return Figures(self.hub.database)


class AdminHandler(HubOAuthenticated, web.RequestHandler):  # pyright: ignore[reportIncompatibleMethodOverride]
    """A page that only administrators see."""

    def initialize(self, administration: Administration) -> None:
        self.on = administration
        self.nonce = secrets.token_urlsafe(16)
        self.began = time.perf_counter()

    @property
    def hub(self) -> Hub:
        return self.on.hub

    @property
    def name(self) -> str:
        """Who administers."""
        return str(cast("dict[str, Any]", self.current_user)["name"])

    def set_default_headers(self) -> None:
        self.set_header("Server", "Jupyter App Builder")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "same-origin")
        self.set_header("X-Content-Type-Options", "nosniff")

    async def prepare(self) -> None:
        self._hub_auth_user_cache = None
        model: Any = await cast("Any", self.hub_auth).get_user(self, sync=False)
        if not model:
            return
        try:
            model = cast("dict[str, Any] | None", self.check_hub_user(model))
            may = model is not None and await self.on.administrators.has(
                model, by_token=bool(getattr(self, "_token_authenticated", False))
            )
        except UserNotAllowed:
            may = False
        except AppBuilderError as error:
            self._notice(error.status, "The Hub does not answer", "Load this page again in a moment.")
            return
        if not may:
            self._notice(
                403,
                "These pages are for administrators",
                "Ask an admin of this Hub, if you should be one of App Builder's administrators.",
            )
            return
        self._hub_auth_user_cache = model
        chain = self.request.headers.get("X-Forwarded-For", "")[:300]
        audit.origin.set(", ".join(filter(None, (chain, self.request.remote_ip))))

    # Pages

    def page(self, name: str, status: int = 200, **given: Any) -> None:
        """Answer with a page of ``pages/``."""
        self.set_status(status)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header(
            "Content-Security-Policy",
            f"default-src 'none'; style-src 'nonce-{self.nonce}'; form-action 'self'; frame-ancestors 'none'; "
            "base-uri 'none'",
        )
        values: dict[str, Any] = {
            "problem": None,
            "done": "",
            "here": None,
            "prefix": self.on.prefix,
            "places": PLACES,
            "nonce": self.nonce,
            "style": _style(),
            "xsrf": "",
            "me": "",
            "money": shown,
            "number": "{:,}".format,
            "count": counted,
            "when": self.when,
            "since": since,
            "link": self.link,
            "value": self.value,
            "scope_names": SCOPE_NAMES,
            **given,
        }
        self.finish(_pages().load(name).generate(**values))

    def _notice(self, status: int, title: str, text: str) -> None:
        self.page("notice.html", status, title=title, text=text)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        _, error, _ = kwargs.get("exc_info") or (None, None, None)
        if isinstance(error, AppBuilderError):
            self._notice(error.status, error.message, error.hint)
        elif status_code == 403:
            self._notice(403, "This was not done", "Your login has ended, or the page is old. Load it again.")
        elif status_code == 404:
            self._notice(404, "There is no such page", "")
        elif isinstance(error, web.HTTPError):
            self._notice(status_code, self._reason, error.log_message or "")
        else:
            self._notice(500, "The service failed", "Its log says how.")

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if not isinstance(value, (AppBuilderError, web.HTTPError)):
            super().log_exception(typ, value, tb)

    def link(self, *parts: str, **query: Any) -> str:
        """The address of a page: ``link("users", name)``."""
        path = "/".join(quote(part, safe="") for part in parts)
        asked = {key: value for key, value in query.items() if value not in ("", None)}
        return f"{self.on.prefix}{path}" + (f"?{urlencode(asked, doseq=True)}" if asked else "")

    def value(self, name: str, default: str = "") -> str:
        """What was typed into a form that came back."""
        return self.get_body_argument(name, default)

    def when(self, at: float | None, *, seconds: bool = False) -> str:
        if not at:
            return "–"
        return f"{datetime.fromtimestamp(at, zone(self.hub.ledger.timezone)):%Y-%m-%d %H:%M{':%S' if seconds else ''}}"

    def asked(self, name: str) -> str:
        """A part of the query, cut to what any name is."""
        return self.get_query_argument(name, "")[:300].replace("\0", "")

    def number_asked(self, name: str) -> int | None:
        text = self.asked(name)
        return int(text) if re.fullmatch(r"\d{1,18}", text, re.ASCII) else None


class Page(AdminHandler):
    """``data`` is what the page shows; ``act`` does what a button says."""

    here = ""
    template = ""

    async def data(self, *names: str) -> dict[str, Any]:
        raise NotImplementedError

    @web.authenticated
    async def get(self, *names: str) -> None:
        await self.show(names, done=DONE.get(self.asked("done"), ""))

    @web.authenticated
    async def post(self, *names: str) -> None:
        act = self.get_body_argument("act", "")
        try:
            await self.act(act)
        except AppBuilderError as error:
            await self.show(names, error.status, problem=error)
            return
        query = {key: self.get_query_arguments(key) for key in self.request.query_arguments if key != "done"}
        self.redirect(f"{self.request.path}?{urlencode({**query, 'done': act}, doseq=True)}", status=303)

    async def show(self, names: Sequence[str], status: int = 200, **given: Any) -> None:
        data = await self.data(*(name.replace("\0", "") for name in names))
        xsrf = cast("bytes", self.xsrf_token).decode()
        self.page(self.template, status, here=self.here, xsrf=xsrf, me=self.name, **{**data, **given})

    async def act(self, act: str) -> None:
        argument = self.get_body_argument
        user, name = argument("user", ""), argument("name", "").strip()
        if act == "limit":
            text = argument("dollars", "").strip()
            # What is wrong with scope and period the ledger says.
            scope, period = cast("LimitScope", argument("scope", "")), cast("Period", argument("period", ""))
            await self.hub.ledger.set_limit(scope, name, period, _amount(text) if text else None, self.name)
        elif act == "grant":
            scope, period = cast("Scope", argument("scope", "")), cast("Period", argument("period", ""))
            amount = _amount(argument("dollars", "").strip())
            await self.hub.ledger.grant(scope, name, period, amount, self.name, argument("reason", ""))
        elif act == "stop":
            await self.hub.reports.order(self.name, "stop", user, argument("server", ""), argument("session", ""))
        elif act == "stop_all":
            await self.hub.reports.order(self.name, "stop_all", user, "")
        elif act == "unpublish":
            await self._unpublish(user, argument("server", ""), argument("target", ""), name)
        elif act == "rules":
            seen = argument("seen", "0")
            version = int(seen) if re.fullmatch(r"\d{1,18}", seen, re.ASCII) else 0
            await self.hub.rules.set(self._rules(), self.name, version)
        else:
            raise InvalidInput("The page asks for something that there is not.", hint="Load it again.", field="act")

    async def _unpublish(self, user: str, server: str, target: str, name: str) -> None:
        await self.hub.reports.order(self.name, "unpublish", user, server, f"{target}/{name}")
        if target == "hub":  # a server of its own, which the Hub can take away while its owner's sleeps
            await self.on.api.stop(user, server_name(name), remove=True)
            await self.hub.reports.taken_down(user, target, name)

    def _rules(self) -> dict[str, Any]:
        """The form of the rules, as rules. Raises ``InvalidInput`` naming the rule."""
        text = self.get_body_argument
        found: dict[str, Any] = {
            key: [line.strip() for line in text(key, "").splitlines() if line.strip()]
            for key in ("models", "templates", "egress_hosts")
        }
        found["approval_rules"] = [_approval(line) for line in text("approval_rules", "").splitlines() if line.strip()]
        found["publish_hard"] = self.get_body_arguments("publish_hard")
        found["sandbox"] = text("sandbox", "")
        for key in NUMBERS:
            if typed := text(key, "").strip():
                try:
                    found[key] = float(typed) if "budget" in key else int(typed)
                except ValueError:
                    raise InvalidInput(f"The rule {key} is a number, not {typed[:40]!r}.", field=key) from None
        return found


NUMBERS = {
    "max_steps": "Model responses in a turn",
    "max_seconds": "Seconds in a turn",
    "max_tokens": "Tokens in a turn",
    "turn_budget": "US dollars in a turn",
    "session_budget": "US dollars in an app",
    "day_budget": "US dollars in a day",
}


class Overview(Page):
    template = "overview.html"

    async def data(self, *names: str) -> dict[str, Any]:
        ledger, figures = self.hub.ledger, self.on.figures
        day, month = ledger.periods(ledger.clock())
        days = days_until(day, 30)
        rows = await figures.by_day_and_model(days)
        parts = by_size(rows)
        return {
            "title": "Overview",
            "today": await figures.balance("hub", "", day),
            "this_month": await figures.balance("hub", "", month),
            "counts": await self.hub.reports.counts(),
            "people": await figures.people_since(ledger.clock() - 7 * 86_400),
            "users": await figures.dearest(month),
            "groups": await figures.dearest(month, "group"),
            "chart": _chart(days, parts, "US dollars spent in the last 30 days, by day and model"),
            "parts": parts,
            "requests": await figures.under_way(),
            "limits": await figures.limits("hub"),
        }


class Users(Page):
    here, template = "users", "users.html"

    async def data(self, *names: str) -> dict[str, Any]:
        _, month = self.hub.ledger.periods(self.hub.ledger.clock())
        search = self.asked("q")
        rows = await self.on.figures.users(month, after=self.asked("after"), search=search, limit=PAGE + 1)
        return {"title": "Users", "rows": rows[:PAGE], "more": _more(rows, "name"), "search": search, "month": month}


class User(Page):
    here, template = "users", "user.html"

    async def data(self, *names: str) -> dict[str, Any]:
        name = names[0]
        person = await self.on.figures.user(name)
        if person is None:
            raise NotFound(f"The service knows no user {name[:100]!r}.", hint="They are listed once they have used it.")
        ledger, figures, reports = self.hub.ledger, self.on.figures, self.hub.reports
        day, _ = ledger.periods(ledger.clock())
        days = days_until(day, 30)
        rows = await figures.by_day_and_model(days, name)
        parts = by_size(rows)
        return {
            "title": name,
            "person": person,
            "quotas": await ledger.quotas(Person(name, tuple(person["groups"]))),
            "limits": await figures.limits("user", name),
            "chart": _chart(days, parts, f"US dollars that {name} spent in the last 30 days, by day and model"),
            "parts": parts,
            "models": _by_model(rows),
            "rows": rows,
            "running": await reports.running(user=name),
            "sessions": await reports.sessions(user=name, limit=PAGE),
            "apps": await reports.published(user=name),
            "orders": await reports.orders(name),
            "grants": await figures.grants("user", name, limit=20),
            "offered": [model.name for model in await self.hub.gateway.offered(Person(name, tuple(person["groups"])))],
        }


class Groups(Page):
    here, template = "groups", "groups.html"

    async def data(self, *names: str) -> dict[str, Any]:
        _, month = self.hub.ledger.periods(self.hub.ledger.clock())
        rows = await self.on.figures.groups(month, after=self.asked("after"), limit=PAGE + 1)
        return {"title": "Groups", "rows": rows[:PAGE], "more": _more(rows, "name"), "month": month}


class Group(Page):
    here, template = "groups", "group.html"

    async def data(self, *names: str) -> dict[str, Any]:
        _, month = self.hub.ledger.periods(self.hub.ledger.clock())
        name, figures = names[0], self.on.figures
        there = await figures.groups(month, name=name)
        if not there:
            raise NotFound(f"The service knows no group {name[:100]!r}.", hint="It is known once a member used it.")
        rows = await figures.users(month, after=self.asked("after"), group=name, limit=PAGE + 1)
        return {
            "title": name,
            "group": there[0],
            "rows": rows[:PAGE],
            "more": _more(rows, "name"),
            "month": month,
            "limits": await figures.limits("group", name),
            "grants": await figures.grants("group", name, limit=20),
        }


class Usage(Page):
    here, template = "usage", "usage.html"

    async def data(self, *names: str) -> dict[str, Any]:
        ledger = self.hub.ledger
        count = self.number_asked("days")
        count = count if count in DAYS else 30
        day, _ = ledger.periods(ledger.clock())
        days = days_until(day, count)
        rows = await self.on.figures.by_day_and_model(days)
        parts = by_size(rows)
        return {
            "title": "Usage",
            "count": count,
            "choices": DAYS,
            "chart": _chart(days, parts, f"US dollars spent in the last {count} days, by day and model"),
            "parts": parts,
            "models": _by_model(rows),
            "by_day": _by_day(rows),
        }


class Live(Page):
    here, template = "live", "live.html"

    async def data(self, *names: str) -> dict[str, Any]:
        everything = self.asked("all") == "1"
        reports, after = self.hub.reports, self.get_query_arguments("after")
        after = [one[:300].replace("\0", "") for one in after]
        rows = await (reports.sessions if everything else reports.running)(after, limit=PAGE + 1)
        more = [rows[PAGE - 1][key] for key in ("user_name", "server", "id")] if len(rows) > PAGE else []
        return {
            "title": "Live",
            "rows": rows[:PAGE],
            "more": more,
            "everything": everything,
            "counts": await reports.counts(),
            "requests": await self.on.figures.requests(PAGE),
            "gone": int(GONE_SECONDS),
        }


class Apps(Page):
    here, template = "apps", "apps.html"

    async def data(self, *names: str) -> dict[str, Any]:
        after = [one[:300].replace("\0", "") for one in self.get_query_arguments("after")]
        rows = await self.hub.reports.published(after, limit=PAGE + 1)
        keys = ("user_name", "server", "target", "name")
        more = [rows[PAGE - 1][key] for key in keys] if len(rows) > PAGE else []
        return {"title": "Published apps", "rows": rows[:PAGE], "more": more}


class Limits(Page):
    here, template = "limits", "limits.html"

    async def data(self, *names: str) -> dict[str, Any]:
        after = [one[:300].replace("\0", "") for one in self.get_query_arguments("after")]
        rows = await self.on.figures.limits(after=after, limit=PAGE + 1)
        more = [rows[PAGE - 1][key] for key in ("scope", "name", "period")] if len(rows) > PAGE else []
        return {"title": "Limits", "rows": rows[:PAGE], "more": more}


class Grants(Page):
    here, template = "grants", "grants.html"

    async def data(self, *names: str) -> dict[str, Any]:
        rows = await self.on.figures.grants(before=self.number_asked("before"), limit=PAGE + 1)
        return {"title": "Grants", "rows": rows[:PAGE], "more": _more(rows, "id")}


class RulesForAll(Page):
    here, template = "rules", "rules.html"

    async def data(self, *names: str) -> dict[str, Any]:
        book = self.hub.rules
        now = await book.now()
        typed = self.get_body_argument("act", "") == "rules"
        values: dict[str, Any] = {}
        for key in ("models", "templates", "egress_hosts"):
            values[key] = self.value(key) if typed else "\n".join(now.rules.get(key, ()))
        approvals = cast("Sequence[Mapping[str, str]]", now.rules.get("approval_rules", ()))
        values["approval_rules"] = self.value("approval_rules") if typed else "\n".join(map(_line, approvals))
        values["publish_hard"] = (
            self.get_body_arguments("publish_hard") if typed else list(now.rules.get("publish_hard", ()))
        )
        for key in ("sandbox", *NUMBERS):
            values[key] = self.value(key) if typed else str(now.rules.get(key, ""))
        usable, forbidden = await self.hub.gateway.names()
        return {
            "title": "Rules for all",
            "usable": usable,
            "forbidden": forbidden,
            "now": now,
            "values": values,
            "versions": await book.versions(),
            "configured": json.dumps(dict(book.configured), indent=2) if book.configured else "",
            "required": book.required,
            "kinds": (*GATE_KINDS, "check"),
            "sandboxes": SANDBOXES,
            "numbers": NUMBERS,
        }


class AuditLog(Page):
    here, template = "audit", "audit.html"

    async def data(self, *names: str) -> dict[str, Any]:
        actor = self.asked("actor")
        rows = await audit.page(self.hub.database, before=self.number_asked("before"), actor=actor, limit=PAGE + 1)
        more = rows[PAGE - 1].id if len(rows) > PAGE else None
        return {"title": "Audit log", "rows": rows[:PAGE], "more": more, "actor": actor, "detail": _detail}


class AuditExport(AdminHandler):
    """The whole audit log, sent as it is read."""

    @web.authenticated
    async def get(self, kind: str) -> None:
        async with self.hub.database.transaction() as t:
            await audit.note(t, self.name, "audit.export", kind)
        types = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
        self.set_header("Content-Type", types[kind])
        self.set_header("Content-Disposition", f'attachment; filename="appbuilder-audit.{kind}"')
        async for piece in _exported(kind, audit.export(self.hub.database)):
            self.write(piece)
            await self.flush()


class Home(AdminHandler):
    @web.authenticated
    def get(self) -> None:
        self.redirect(self.on.prefix)


async def _exported(kind: str, entries: AsyncGenerator[audit.AuditEntry]) -> AsyncGenerator[str]:
    names = ("id", "at", "actor", "action", "target", "origin", "detail")
    held = io.StringIO()
    writer = csv.writer(held)
    if kind == "csv":
        writer.writerow(names)
    async for entry in entries:
        if kind == "csv":
            row = {**{name: getattr(entry, name) for name in names}, "detail": json.dumps(entry.detail)}
            writer.writerow([_cell(row[name]) for name in names])
        else:
            held.write(json.dumps({name: getattr(entry, name) for name in names}) + "\n")
        if held.tell() > 64 * 1024:
            yield held.getvalue()
            held.seek(0)
            held.truncate()
    yield held.getvalue()


def _cell(value: object) -> str:
    """A name that begins like a formula is none in a spreadsheet."""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _amount(text: str) -> int:
    """Micro-dollars of an amount as people type it. Raises ``InvalidInput``."""
    plain = text.removeprefix("$").strip()
    try:
        amount = Decimal(plain) * DOLLAR if re.fullmatch(r"-?\d{1,15}(\.\d{1,6})?", plain, re.ASCII) else None
    except InvalidOperation:
        amount = None
    if amount is None or abs(amount) > MOST:
        raise InvalidInput(
            f"{text[:40]!r} is no amount in US dollars." if text else "An amount in US dollars is missing.",
            hint="Write it like 12.50.",
            field="dollars",
        )
    return int(amount)


def _approval(line: str) -> dict[str, str]:
    """``deny run_command: git push *``. Raises ``InvalidInput``."""
    match = re.fullmatch(r"\s*(\w+)\s+([\w*?.-]+)\s*:\s*(.+?)\s*", line)
    if match is None:
        raise InvalidInput(
            f"{line.strip()[:80]!r} is no approval rule.",
            hint="Write one a line, like: deny run_command: git push *",
            field="approval_rules",
        )
    return {"action": match[1], "tool": match[2], "pattern": match[3]}


def _line(rule: Mapping[str, str]) -> str:
    return f"{rule['action']} {rule['tool']}: {rule['pattern']}"


def _detail(detail: Mapping[str, Any]) -> str:
    """For people: "month, $5.00, because …"."""
    return ", ".join(
        f"{shown(value) if key == 'micros' and isinstance(value, int) else value}"
        if key in ("period", "micros", "reason")
        else f"{key}: {value}"
        for key, value in detail.items()
        if value not in ("", None)
    )


def counted(number: int, one: str, many: str = "") -> str:
    """ "1 server", "2,000 servers"."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def since(at: float | None) -> str:
    """How long ago: "3 min"."""
    if not at:
        return "–"
    seconds = max(0.0, time.time() - at)
    for size, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {name}"
    return f"{int(seconds)} s"


def _chart(days: Sequence[str], parts: Sequence[tuple[str, Mapping[str, int]]], title: str) -> str:
    most = max((sum(part.get(day, 0) for _, part in parts) for day in days), default=0)
    return stacked(days, parts, title, shown(most)) if most else ""


def _by_model(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return _summed(rows, "model", by_amount=True)


def _by_day(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return _summed(rows, "day")[::-1]


def _summed(rows: Sequence[Mapping[str, Any]], key: str, *, by_amount: bool = False) -> list[dict[str, Any]]:
    numbers = ("requests", "input_tokens", "output_tokens", "cached_tokens", "micros")
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        into = found.setdefault(row[key], {key: row[key], **dict.fromkeys(numbers, 0)})
        for name in numbers:
            into[name] += row[name]
    return sorted(found.values(), key=lambda one: -one["micros"]) if by_amount else list(found.values())


def _more(rows: Sequence[Mapping[str, Any]], key: str) -> Any:
    return rows[PAGE - 1][key] if len(rows) > PAGE else ""


@cache
def _pages() -> Loader:
    return Loader(str(Path(__file__).with_name("pages")), autoescape="xhtml_escape", whitespace="oneline")


@cache
def _style() -> str:
    return Path(__file__).with_name("pages").joinpath("admin.css").read_text(encoding="utf-8")


def admin_handlers(
    prefix: str, hub: Hub, api: JupyterHub
) -> list[tuple[str, type[web.RequestHandler], dict[str, Any]]]:
    """The routes below the service's ``prefix``."""
    at = f"{prefix}admin/"
    given = {
        "administration": Administration(hub, api, Administrators(api, hub.settings.admin_groups), at),
    }
    routes: list[tuple[str, type[web.RequestHandler]]] = [
        ("", Overview),
        ("users", Users),
        ("users/([^/]+)", User),
        ("groups", Groups),
        ("groups/([^/]+)", Group),
        ("usage", Usage),
        ("live", Live),
        ("apps", Apps),
        ("limits", Limits),
        ("grants", Grants),
        ("rules", RulesForAll),
        ("audit", AuditLog),
        (r"audit\.(csv|jsonl)", AuditExport),
    ]
    return [
        (re.escape(prefix), Home, given),
        (re.escape(at[:-1]), Home, given),
        *((re.escape(at) + path, handler, given) for path, handler in routes),
    ]
