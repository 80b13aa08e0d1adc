"""Accounts of apps of the template ``serverless``: the recorded demo *Rolodex*, attacked from outside and inside.

``APPBUILDER_SCREENSHOTS=<folder>`` keeps pictures, to be looked at.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect
from previewed import browsing, running

from jupyter_appbuilder.models.demo.recordings import SHIPPED

from .template_app import TemplateApp

FILES = SHIPPED / "crm-contacts" / "files"
PLACES = {
    "0001_contacts.sql": "migrations",
    "contacts.ts": "functions",
    "ContactList.tsx": "components",
    "ui.json": "",
    "styles.css": "",
}
SAMPLE = ("migrations/0001_tasks.sql", "functions/tasks.ts", "components/TaskList.tsx")
PASSWORD = "correct horse battery"


class Rolodex(TemplateApp):
    """The demo's app on disk."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "serverless")
        for path in SAMPLE:
            (folder / path).unlink()
        for name, place in PLACES.items():
            shutil.copy(FILES / name, folder / place / name)

    def write(self, path: str, text: str) -> None:
        (self.folder / path).write_text(text)

    def ask(self, op: str, **request: Any) -> dict[str, Any]:
        """What the program of the template answers, which the agent's tools and the panel ask."""
        text = json.dumps({"op": op, "mark": "M", **request})
        command = ["node", str(self.template.runtime / "data.mjs"), text]
        ran = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=170, check=True
        )
        return json.loads(ran.stdout.strip().splitlines()[-1].removeprefix("M"))

    @asynccontextmanager
    async def served(self, *more: str) -> AsyncIterator[str]:
        command = [word.replace("/opt/template", str(self.template.runtime)) for word in self.template.serve]
        with self.running([*command, *more], "/some/base/") as url:
            yield url


@pytest.fixture
def app(tmp_path: Path) -> Rolodex:
    return Rolodex(tmp_path / "app")


def visitor(url: str) -> httpx.AsyncClient:
    """A browser's jar, as far as cookies go."""
    return httpx.AsyncClient(base_url=f"{url}api/", timeout=170)


async def sign_up(http: httpx.AsyncClient, name: str, password: Any = PASSWORD) -> httpx.Response:
    return await http.post("_auth/sign-up", json={"name": name, "password": password})


async def log_in(http: httpx.AsyncClient, name: str, password: Any = PASSWORD) -> httpx.Response:
    return await http.post("_auth/log-in", json={"name": name, "password": password})


@pytest.mark.timeout(400)
async def test_what_is_one_persons_is_nobody_elses(app: Rolodex) -> None:
    async with app.served() as url, visitor(url) as ada, visitor(url) as bob, visitor(url) as nobody:
        assert (await ada.get("_auth")).json() == {"user": None}
        joined = await sign_up(ada, "Ada@Example.com")
        assert joined.json() == {"user": {"id": 1, "name": "Ada@Example.com"}}
        cookie = joined.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        assert (await sign_up(bob, "bob@example.com")).status_code == 200
        added = (await ada.post("contacts", json={"name": "Grace", "company": "Navy"})).json()
        assert [row["name"] for row in (await ada.get("contacts")).json()] == ["Grace"]

        # Neither another person nor nobody sees it, by whatever way.
        assert (await bob.get("contacts")).json() == []
        for who, status in ((bob, 404), (nobody, 401)):
            refused = await who.request("DELETE", "contacts", json={"id": added["id"]})
            assert refused.status_code == status
        assert (await nobody.get("contacts")).status_code == 401
        assert (await nobody.post("contacts", json={"name": "x"})).status_code == 401
        assert len((await ada.get("contacts")).json()) == 1

        # Another site's page sends with the person's cookies, as far as the browser lets it, and is nobody.
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
            sent = await ada.post("contacts", json={"name": "Mallory"}, headers=headers)
            assert sent.status_code == 401
            entered = await ada.post("_auth/log-in", json={"name": "x", "password": "y"}, headers=headers)
            assert entered.status_code == 403
        form = await ada.post("_auth/log-in", content=json.dumps({"name": "x"}), headers={"Content-Type": "text/plain"})
        assert form.status_code == 400
        own = await ada.post("contacts", json={"name": "Alan"}, headers={"Origin": url.split("/some/")[0]})
        assert own.status_code == 200

        # Logged out, the cookie is worth nothing, also to whoever kept it.
        kept = ada.cookies["session"]
        assert (await ada.post("_auth/log-out")).json() == {"user": None}
        nobody.cookies.set("session", kept)
        assert (await nobody.get("contacts")).status_code == 401
        assert (await log_in(ada, "ada@example.COM ")).status_code == 200
        assert len((await ada.get("contacts")).json()) == 2

        # A query knows who asks, and takes nobody's word for it.
        app.write("functions/mine.sql", "SELECT name FROM contacts WHERE owner = :user ORDER BY name")
        while (mine := await ada.get("mine")).status_code == 404:  # files are looked at now and then
            await asyncio.sleep(0.1)
        assert mine.json() == [{"name": "Alan"}, {"name": "Grace"}]
        assert (await bob.get("mine")).json() == []
        assert (await nobody.get("mine")).status_code == 401
        forged = await bob.get("mine", params={"user": "1"})
        assert (forged.status_code, "no parameter user" in forged.text) == (400, True)


@pytest.mark.timeout(400)
async def test_a_session_that_somebody_else_gave_is_worth_nothing(app: Rolodex) -> None:
    async with app.served() as url, visitor(url) as ada, visitor(url) as thief:
        await sign_up(ada, "ada@example.com")
        await ada.post("_auth/log-out")
        planted = "A" * 43
        for jar in (ada, thief):
            jar.cookies.clear()
            jar.cookies.set("session", planted)
        over_tls = await ada.post(
            "_auth/log-in",
            json={"name": "ada@example.com", "password": PASSWORD},
            headers={"X-Forwarded-Proto": "https"},
        )
        assert over_tls.headers["set-cookie"].endswith("; Secure")
        assert planted not in over_tls.headers["set-cookie"]
        assert (await thief.get("_auth")).json() == {"user": None}
        # A second log-in ends the browser's first session.
        first = over_tls.headers["set-cookie"].split(";")[0].partition("=")[2]
        await ada.post(
            "_auth/log-in",
            json={"name": "ada@example.com", "password": PASSWORD},
            headers={"Cookie": f"session={first}"},
        )
        thief.cookies.clear()
        thief.cookies.set("session", first)
        assert (await thief.get("_auth")).json() == {"user": None}


@pytest.mark.timeout(400)
async def test_guesses_are_slowed_and_tell_nothing(app: Rolodex) -> None:
    app.environment |= {"APPBUILDER_GUESS_SECONDS": "3600"}  # however slow the machine is
    async with app.served() as url, visitor(url) as ada, visitor(url) as http:
        await sign_up(ada, "ada@example.com")
        guesses = await asyncio.gather(*(log_in(http, "ada@example.com", f"guess {number}") for number in range(12)))
        assert sorted({guess.status_code for guess in guesses}) == [401, 429]
        assert sum(guess.status_code == 401 for guess in guesses) == 5  # however many come at once
        # Not even the right one is told now.
        late = await log_in(http, "ada@example.com")
        assert late.status_code == 429
        assert 0 < int(late.headers["retry-after"]) <= 3600
        assert "Try again in" in late.json()["detail"]
        # Whether somebody has an account is not told either, and others are not kept out.
        unknown = await log_in(http, "nobody@example.com", "guess")
        wrong = next(guess for guess in guesses if guess.status_code == 401)
        assert (unknown.status_code, unknown.json()) == (wrong.status_code, wrong.json())
        assert (await sign_up(http, "bob@example.com")).status_code == 200
        assert (await ada.get("contacts")).status_code == 200


HOSTILE: list[tuple[Any, Any, int, str]] = [
    ("", PASSWORD, 400, "Give your email address."),
    (None, PASSWORD, 400, "Give your email address."),
    ({"a": 1}, PASSWORD, 400, "Give your email address."),
    ("no address", PASSWORD, 400, "is no email address"),
    ("ada@example.com' OR '1'='1", PASSWORD, 400, "is no email address"),
    ("a@b.c\u200b", PASSWORD, 400, "cannot be seen"),
    ("a\x00da@example.com", PASSWORD, 400, "cannot be seen"),
    ("\u0430da@example.com", PASSWORD, 400, "several alphabets"),
    ("x" * 300 + "@example.com", PASSWORD, 400, "254 characters"),
    ("\uff41\uff44\uff41@example.com", PASSWORD, 409, "has an account already"),
    ("ADA@example.com", PASSWORD, 409, "has an account already"),
    ("eve@example.com", "short", 400, "8 characters at least"),
    ("eve@example.com", "x" * 201, 400, "200 characters at most"),
    ("eve@example.com", "x" * 1_000_000, 413, "too long"),
    ("eve@example.com", 12345678, 400, "8 characters at least"),
    ("eve@example.com", "EVE@example.com", 400, "another than the name"),
]


@pytest.mark.timeout(400)
async def test_names_and_passwords_that_mean_no_good_are_refused(app: Rolodex) -> None:
    async with app.served() as url, visitor(url) as http:
        await sign_up(http, "ada@example.com")
        for name, password, status, said in HOSTILE:
            answered = await sign_up(http, name, password)
            assert answered.status_code == status, (name, answered.text)
            assert said in answered.json()["detail"]
        for body in ("[]", "null", "{", "[" * 5000):
            sent = await http.post("_auth/log-in", content=body, headers={"Content-Type": "application/json"})
            assert sent.status_code in (400, 401)
        assert (await log_in(http, "ada@example.com", "x" * 5000)).status_code == 401
        assert (await http.get("_auth/passwords")).status_code == 404
        assert (await http.put("_auth")).status_code == 405


@pytest.mark.walk
@pytest.mark.timeout(400)
async def test_many_who_sign_up_at_once_keep_nobody_else_waiting(app: Rolodex) -> None:
    async with app.served() as url, visitor(url) as http, visitor(url) as ada:
        await sign_up(ada, "ada@example.com")
        crowd = [asyncio.create_task(sign_up(http, f"guest{number}@example.com")) for number in range(90)]
        # Most of the workers are free meanwhile.
        assert (await ada.get("contacts")).status_code == 200
        answers = await asyncio.gather(*crowd)
        assert {answer.status_code for answer in answers} <= {200, 503}
        refused = [answer.json()["detail"] for answer in answers if answer.status_code == 503]
        assert all("Try again in a moment" in detail for detail in refused)
        assert len(refused) < len(answers)
        assert (await sign_up(http, "late@example.com")).status_code == 200


PEEKS = {
    "hash": 'db.all("SELECT hash FROM _appbuilder_passwords")',
    "token": 'db.all("SELECT token FROM _appbuilder_sessions")',
    "promoted": "db.run(\"UPDATE _users SET name = 'me'\")",
    "trigger": 'db.run("CREATE TRIGGER t AFTER INSERT ON _users BEGIN SELECT 1; END")',
    "view": 'db.run("CREATE VIEW v AS SELECT hash FROM _appbuilder_passwords") && db.all("SELECT * FROM v")',
    "drop": 'db.run("DROP TABLE _appbuilder_sessions")',
}


@pytest.mark.timeout(400)
async def test_neither_tools_nor_functions_read_what_proves_who_somebody_is(app: Rolodex) -> None:
    for name, code in PEEKS.items():
        text = f'import type {{ Context }} from "app";\nexport const GET = (_: Request, {{ db }}: Context) => {code};\n'
        app.write(f"functions/{name}.ts", text)
    app.write("functions/cookie.ts", 'export const GET = (request: Request) => request.headers.get("cookie");\n')
    app.write("functions/typo.ts", 'export const access = "users";\nexport const GET = () => "secret";\n')
    async with app.served() as url, visitor(url) as ada:
        await sign_up(ada, "ada@example.com")
        await ada.post("contacts", json={"name": "Grace"})
        for name in PEEKS:
            answered = await ada.get(name)
            assert answered.status_code == 500
            assert "prohibited" in answered.text or "not authorized" in answered.text
        ada.cookies.set("theme", "dark")
        assert (await ada.get("cookie")).json() == "theme=dark"
        assert 'it is "user" or "everyone"' in (await ada.get("typo")).json()["detail"]
        token = ada.cookies["session"]

        # The agent's tools and the panel: the person stands there, and what proves it does not.
        described = app.ask("describe")
        assert {table["name"] for table in described["ok"]["tables"]} == {"_users", "contacts"}
        people = app.ask("query", sql="SELECT id, name FROM _users")
        assert people["ok"]["rows"] == [[1, "ada@example.com"]]
        for table in ("_appbuilder_passwords", "_appbuilder_sessions", "_appbuilder_attempts"):
            for sql in (
                f"SELECT * FROM {table}",
                f"SELECT count(*) FROM {table}",
                f"SELECT 1 WHERE EXISTS(TABLE {table})",
            ):
                assert "error" in app.ask("query", sql=sql)
            for request in ({"op": "rows", "table": table}, {"op": "export", "table": table, "to": "data/out"}):
                assert "error" in app.ask(request.pop("op"), **request)
            assert "error" in app.ask("change", sql=f"DELETE FROM {table}")
        assert "error" in app.ask("change", sql="INSERT INTO _users (name, key) VALUES ('eve', 'eve')")
        dropped = app.ask("migrate_try", name="drop", sql="DROP TABLE _users;")
        assert "not authorized" in dropped["ok"]["failed"]["message"]
        everything = json.dumps([app.ask(op) for op in ("describe", "dump")])
        assert "scrypt" not in everything
        assert token not in everything

        # A function is tried as somebody, without a password.
        called = app.ask("call", name="contacts", request={"as": "Ada@example.com"})
        assert [row["name"] for row in json.loads(called["ok"]["body"])] == ["Grace"]
        assert app.ask("call", name="contacts", request={})["ok"]["status"] == 401
        stranger = app.ask("call", name="contacts", request={"as": "eve"})["ok"]
        assert stranger["status"] == 401
        assert "Nobody has an account" in stranger["body"]
    database = (app.folder / "data" / "app.db").read_bytes()
    assert PASSWORD.encode() not in database
    assert token.encode() not in database


@pytest.mark.timeout(400)
async def test_an_app_without_accounts_has_no_way_in_and_says_what_is_missing(app: Rolodex) -> None:
    layout = json.loads((FILES / "ui.json").read_text())
    del layout["accounts"]
    app.write("ui.json", json.dumps(layout))
    check = [word.replace("/opt/template", str(app.template.runtime)) for word in app.template.check]
    ran = subprocess.run(check, cwd=app.folder, env=app.environment, capture_output=True, text=True, timeout=170)
    assert '/pages/0/needs: The app has no accounts: say "accounts": {} beside title.' in ran.stdout
    async with app.served() as url, visitor(url) as http:
        assert (await sign_up(http, "ada@example.com")).status_code == 404
        refused = await http.get("contacts")  # closed, not open
        assert refused.status_code == 500
        assert 'Say "accounts": {} in ui.json.' in refused.json()["detail"]
        layout["accounts"] = {"by": "name", "signUp": False}
        app.write("ui.json", json.dumps(layout))
        assert (await http.get("contacts")).status_code == 401
        assert (await sign_up(http, "Ada")).status_code == 403


def test_a_function_that_forgets_whose_rows_it_gives_is_told(app: Rolodex) -> None:
    forgetful = """// auth is what it lacks
import type { Context } from "app";

export const GET = (_: Request, { db }: Context) => db.all("SELECT * FROM contacts");
"""
    check = [word.replace("/opt/template", str(app.template.runtime)) for word in app.template.check]
    for text, told in (
        (forgetful, "functions/all.ts(4,1): error: Rows of contacts belong to people (owner refers to _users)"),
        (forgetful + 'export const access = "everyone";\n', ""),
        (forgetful.replace("{ db }", "{ db, auth }").replace("db.all", "auth.need() && db.all"), ""),
        (forgetful.replace("FROM contacts", "1 AS contacts"), ""),
        ("SELECT * FROM contacts", "functions/all.sql(1,1): error: Rows of contacts belong to people (owner refers"),
        ("SELECT c.name FROM (VALUES (1)), [contacts] c -- :user", "functions/all.sql(1,1): error: Rows of contacts"),
        ("-- access: everyone\nSELECT name FROM contacts", ""),
        ("SELECT name FROM contacts WHERE owner = :user", ""),
    ):
        path = "functions/all.ts" if "import" in text else "functions/all.sql"
        app.write(path, text)
        ran = subprocess.run(check, cwd=app.folder, env=app.environment, capture_output=True, text=True, timeout=170)
        assert (ran.returncode != 0) == bool(told), ran.stdout + ran.stderr
        assert told in ran.stdout
        (app.folder / path).unlink()


@pytest.mark.timeout(400)
async def test_a_built_app_keeps_its_people(app: Rolodex) -> None:
    app.write("functions/mine.sql", "SELECT name FROM contacts WHERE owner = :user")
    build = ["node", str(app.template.runtime / "build.mjs")]
    ran = await asyncio.to_thread(
        subprocess.run, build, cwd=app.folder, env=app.environment, capture_output=True, text=True, timeout=170
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    async with app.served("--built") as url, visitor(url) as ada:
        assert (await sign_up(ada, "ada@example.com")).status_code == 200
        assert (await ada.post("contacts", json={"name": "Grace"})).status_code == 200
        assert (await ada.get("mine")).json() == [{"name": "Grace"}]
    async with app.served("--built") as url, visitor(url) as again, browsing(url) as (page, problems):
        assert (await again.get("contacts")).status_code == 401
        await page.get_by_label("Email").fill("ada@example.com")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.locator("form").get_by_role("button", name="Log in").click()
        await expect(page.get_by_text("Grace")).to_be_visible()
        assert problems == []


async def pictured(page: Page, name: str) -> None:
    if folder := os.environ.get("APPBUILDER_SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"accounts-{name}.png")


@pytest.mark.timeout(600)
async def test_two_browsers_on_one_preview_are_two_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "jane")  # whom this app does not ask for at first
    async with running(tmp_path, "serverless") as (session, builder, url):
        for path in SAMPLE:
            await session.workspace.delete(path)
        for name, place in PLACES.items():
            await session.workspace.write(str(Path(place) / name), (FILES / name).read_text())
        async with browsing(url) as (page, problems), browsing(url) as (other, others):
            for one, name in ((page, "ada@example.com"), (other, "bob@example.com")):
                await expect(one.get_by_role("heading", name="Log in")).to_be_visible()
                await one.get_by_role("button", name="Sign up").click()
                await one.get_by_label("Email").fill(name)
                await one.get_by_label("Password").fill(PASSWORD)
                await pictured(one, "sign-up")
                await one.locator("form").get_by_role("button", name="Sign up").click()
                await expect(one.get_by_text("No contacts yet")).to_be_visible()
                await expect(one.get_by_text(name)).to_be_visible()
            await page.get_by_label("Name").fill("Grace Hopper")
            await page.get_by_label("Company").fill("Navy")
            await page.get_by_role("button", name="Add contact").click()
            await expect(page.get_by_text("Grace Hopper")).to_be_visible()
            await pictured(page, "contacts")
            for one in (page, other):
                await one.reload()
            await expect(page.get_by_text("Grace Hopper")).to_be_visible()
            await expect(other.get_by_text("No contacts yet")).to_be_visible()
            await page.get_by_role("button", name="Log out").click()
            await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
            assert problems == others == []
            await page.get_by_label("Email").fill("ada@example.com")
            await page.get_by_label("Password").fill("not hers at all")
            await page.locator("form").get_by_role("button", name="Log in").click()
            await expect(page.get_by_role("alert")).to_have_text("No account has this address and password.")
            await pictured(page, "refused")

            # On a JupyterHub the person is who they are there, if the app says so; another browser is somebody else.
            layout = json.loads((FILES / "ui.json").read_text()) | {"accounts": {"by": "hub"}}
            await session.workspace.write("ui.json", json.dumps(layout))
            previews = builder.previews
            known = {"name": previews.cookie, "value": previews.person, "domain": "127.0.0.1", "path": previews.prefix}
            await page.context.add_cookies([known])  # pyright: ignore[reportArgumentType]
            for _ in range(2):
                await page.goto(url)
                await expect(page.get_by_text("jane", exact=True)).to_be_visible()
                await page.context.clear_cookies(name="session")
            await page.get_by_label("Name").fill("Katherine Johnson")
            await page.get_by_label("Company").fill("Langley")
            await page.get_by_role("button", name="Add contact").click()
            await expect(page.get_by_text("Katherine Johnson")).to_be_visible()
            await pictured(page, "hub")
            await other.goto(url)
            await expect(other.get_by_text("bob@example.com")).to_be_visible()
            await other.get_by_role("button", name="Log out").click()
            await other.get_by_role("button", name="Sign up").click()
            await other.get_by_label("Name").fill("Jane")
            await other.get_by_label("Password").fill(PASSWORD)
            await other.locator("form").get_by_role("button", name="Sign up").click()
            await expect(other.get_by_role("alert")).to_have_text("This name is taken. Choose another, or log in.")
            rows = await session.app.ask_functions("call", name="contacts", request={"as": "jane"})
            assert "Katherine Johnson" in rows["body"]


# The same for an API in Python

NOTES = """
from typing import Annotated

from fastapi import Depends, FastAPI

from . import accounts

app = FastAPI()
app.include_router(accounts.router)
notes: list[tuple[int, str]] = []


@app.get("/api/health")
def health() -> dict[str, float]:
    return {"started": 1.0}


@app.get("/api/notes")
def mine(user: accounts.SignedIn) -> list[str]:
    return [text for owner, text in notes if owner == user.id]


@app.post("/api/notes")
def add(text: str, user: accounts.SignedIn) -> int:
    notes.append((user.id, text))
    return len(notes) - 1


@app.get("/api/notes/{number}")
def note(number: int, user: accounts.SignedIn) -> str:
    owner, text = notes[number]
    accounts.own(owner, user)
    return text
"""
TRIED = """
from fastapi.testclient import TestClient

from api import accounts, database
from api.main import app

accounts.FIRST_WAIT = 3600  # however slow the machine is
PASSWORD = "correct horse battery"


def visitor():
    return TestClient(app)


def enter(client, how, name, password=PASSWORD, **headers):
    return client.post(f"/api/accounts/{how}", json={"name": name, "password": password}, headers=headers)


ada, bob, nobody = visitor(), visitor(), visitor()
assert ada.get("/api/accounts").json() == {"user": None, "by": "email"}
joined = enter(ada, "sign-up", "Ada@Example.com")
assert joined.json()["user"] == {"id": 1, "name": "Ada@Example.com"}, joined.text
assert "httponly" in joined.headers["set-cookie"].lower() and "samesite=lax" in joined.headers["set-cookie"].lower()
assert enter(bob, "sign-up", "bob@example.com").status_code == 200
assert ada.post("/api/notes?text=secret").json() == 0
assert ada.get("/api/notes").json() == ["secret"] and ada.get("/api/notes/0").json() == "secret"
assert bob.get("/api/notes").json() == [] and bob.get("/api/notes/0").status_code == 404
assert nobody.get("/api/notes").status_code == 401
for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
    assert ada.post("/api/notes?text=x", headers=headers).status_code == 401
    assert enter(ada, "log-in", "ada@example.com", **headers).status_code == 403
kept = ada.cookies["session"]
nobody.cookies.set("session", kept)
assert nobody.get("/api/notes").status_code == 200
assert enter(ada, "log-in", "ada@example.com").status_code == 200
assert nobody.get("/api/notes").status_code == 401  # a log-in ends what the browser had
ada.post("/api/accounts/log-out")
assert ada.get("/api/notes").status_code == 401
for name, password, status in (
    ("\\uff41da@example.com", PASSWORD, 409), ("\\u0430da@example.com", PASSWORD, 400), ("ada", PASSWORD, 400),
    ("eve@example.com", "short", 400), ("eve@example.com", "x" * 1_000_000, 422),
    ("e\\u200bve@example.com", PASSWORD, 400),
):
    assert enter(nobody, "sign-up", name, password).status_code == status, (name, status)
guesses = [enter(nobody, "log-in", "bob@example.com", "guess").status_code for _ in range(7)]
assert guesses == [401] * 5 + [429] * 2, guesses
assert enter(nobody, "log-in", "bob@example.com").status_code == 429
unknown = enter(nobody, "log-in", "nobody@example.com", "guess").json()
assert unknown == {"detail": "No account has this address and password."}
stored = b"".join(file.read_bytes() for file in database.FILE.parent.glob("app.db*"))
assert PASSWORD.encode() not in stored and kept.encode() not in stored
print("ALL WELL")
"""
PAGE = """
import { SignIn } from "@/components/sign-in";
import { useAccount } from "@/lib/account";

export default function App() {
  const { user, logOut } = useAccount();
  if (!user) return <SignIn />;
  return <button onClick={() => void logOut()}>Log out {user.name}</button>;
}
"""


@pytest.mark.walk
@pytest.mark.timeout(600)
async def test_an_api_in_python_has_accounts_and_what_tries_its_routes(tmp_path: Path) -> None:
    async with running(tmp_path, "fastapi-react") as (session, builder, url):
        for path, text in (("api/main.py", NOTES), ("tried.py", TRIED), ("src/App.tsx", PAGE)):
            await session.workspace.write(path, text.lstrip())
        _, ran = await session.call("run_command", {"command": "python tried.py"}, by="person")
        assert "ALL WELL" in ran.text, ran.text
        check = await (await session.app.sandbox()).exec(builder.library.find("fastapi-react").check)
        assert check.exit_code == 0, check.stdout + check.stderr
        async with browsing(url) as (page, _):
            for button in ("Sign up", "Log in"):
                await expect(page.get_by_label("Email")).to_be_visible()
                if button == "Sign up":
                    await page.get_by_role("button", name=button).click()
                await page.get_by_label("Email").fill("eve@example.com")
                await page.get_by_label("Password").fill(PASSWORD)
                await pictured(page, f"python-{button}")
                await page.locator("form").get_by_role("button", name=button).click()
                await page.get_by_role("button", name="Log out eve@example.com").click()
