"""Templates whose server is their own (Python, Next.js) have the same database as functions do."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from database_app import used
from playwright.async_api import expect
from previewed import browsing, running

from jupyter_appbuilder.builder import AppBuilder
from jupyter_appbuilder.datasets.parquet import write
from jupyter_appbuilder.datasets.sources import opened
from jupyter_appbuilder.session import Session
from jupyter_appbuilder.templates.templates import find_template

SCHEMA = """CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL CHECK (text <> '')) STRICT;
INSERT INTO notes (text) VALUES ('first; of all');
CREATE TRIGGER shout AFTER INSERT ON notes BEGIN
  UPDATE notes SET text = text || '!' WHERE id = NEW.id;
END;
"""

PYTHON = """
from fastapi import FastAPI
from pydantic import BaseModel

from . import accounts
from .database import Database, transaction
from .secrets import secret

app = FastAPI()
app.include_router(accounts.router)


class Note(BaseModel):
    text: str


@app.get("/api/health")
def health() -> dict[str, float]:
    return {"started": 2.0}


@app.get("/api/key")
def key() -> int:
    return 0 + len(secret("WEATHER_KEY") or "")


@app.get("/api/notes")
def notes(db: Database) -> list[dict[str, object]]:
    return [dict(row) for row in db.execute("SELECT * FROM notes ORDER BY id")]


@app.post("/api/notes")
def add(given: list[Note], db: Database) -> int:
    with transaction(db):
        for note in given:
            db.execute("INSERT INTO notes (text) VALUES (?)", (note.text,))
    return len(given)


@app.get("/api/sales")
def sales(db: Database) -> list[dict[str, object]]:
    return [dict(row) for row in db.execute("SELECT * FROM sales ORDER BY id")]
"""

NEXT = """
import { db } from "@/lib/database";

interface Note {
  id: number;
  text: string;
}

export const dynamic = "force-dynamic";

export function GET(): Response {
  return Response.json(db.all<Note>("SELECT * FROM notes ORDER BY id"));
}

export async function POST(request: Request): Promise<Response> {
  const given = (await request.json()) as { text: string }[];
  db.transaction(() => {
    for (const { text } of given) db.run("INSERT INTO notes (text) VALUES (?)", text);
  });
  return Response.json(given.length);
}
"""
NEXT_SALES = """
import { db } from "@/lib/database";

export const dynamic = "force-dynamic";

export function GET(): Response {
  return Response.json(db.all("SELECT * FROM sales ORDER BY id"));
}
"""

NEXT_KEY = """
import { secret } from "@/lib/secrets";

export const dynamic = "force-dynamic";

export function GET(): Response {
  return Response.json(0 + (secret("WEATHER_KEY")?.length ?? 0));
}
"""

NEXT_ACCOUNTS = """
export { GET, POST } from "@/lib/accounts";

export const dynamic = "force-dynamic";
"""
NEXT_MINE = """
import { logInFirst, notThere, own, userOf } from "@/lib/accounts";
import { db } from "@/lib/database";

interface Thing {
  id: number;
  owner: number;
}

export const dynamic = "force-dynamic";

export function GET(request: Request): Response {
  const user = userOf(request);
  if (!user) return logInFirst();
  const thing = own(db.get<Thing>("SELECT * FROM things WHERE id = 1"), user);
  return thing ? Response.json(thing) : notThere();
}
"""
NEXT_PAGE = """
"use client";

import { useState } from "react";

import { SignIn } from "@/components/sign-in";
import { useAccount } from "@/lib/account";
import { url } from "@/lib/utils";

export default function Home() {
  const { user, logOut } = useAccount();
  const [status, setStatus] = useState(0);
  const ask = () => void fetch(url("/api/mine")).then((response) => setStatus(response.status));
  return (
    <main>
      <SignIn />
      <button onClick={ask}>Ask</button>
      <output>{status}</output>
      {user && <button onClick={() => void logOut()}>Log out {user.name}</button>}
    </main>
  );
}
"""
THINGS = "CREATE TABLE things (id INTEGER PRIMARY KEY, owner INTEGER NOT NULL REFERENCES _users(id)) STRICT;"

ROUTES = {
    "fastapi-react": {"api/main.py": PYTHON.lstrip()},
    "nextjs": {
        "app/api/notes/route.ts": NEXT.lstrip(),
        "app/api/sales/route.ts": NEXT_SALES.lstrip(),
        "app/api/mine/route.ts": NEXT_MINE.lstrip(),
        "app/api/accounts/[[...path]]/route.ts": NEXT_ACCOUNTS.lstrip(),
        "app/page.tsx": NEXT_PAGE.lstrip(),
        "app/api/key/route.ts": NEXT_KEY.lstrip(),
    },
}
REFUSED = {"fastapi-react": 503, "nextjs": 500}


KEY = "sunny-side-up-0451"
PASSWORD = "correct horse battery"


async def answered(url: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with httpx.AsyncClient(timeout=120) as client:
        asked = client.get(url + path) if body is None else client.post(url + path, json=body)
        answer = await asked
    try:
        return answer.status_code, answer.json()
    except ValueError:
        return answer.status_code, answer.text


async def becomes(url: str, path: str, wanted: tuple[int, Any]) -> None:
    """A server that is just starting anew answers that it does not run."""
    found: tuple[int, Any] | None = None
    try:
        async with asyncio.timeout(180):
            while (found := await answered(url, path)) != wanted:
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"{path} answers {found}, not {wanted}") from None


async def told(session: Session, tool: str, **arguments: Any) -> str:
    result = await used(session, tool, **arguments)
    assert result.ok, result.text
    return result.text


@pytest.mark.timeout(400)  # the first run installs packages
@pytest.mark.parametrize("template", ["fastapi-react", pytest.param("nextjs", marks=pytest.mark.walk)])
async def test_routes_tools_data_and_versions_share_one_database(
    template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "jane")
    async with running(tmp_path, template) as (session, builder, url):
        await told(session, "update_database_schema", name="notes", sql=SCHEMA)
        for path, text in ROUTES[template].items():
            await session.workspace.write(path, text)
        check = await (await session.app.sandbox()).exec(builder.library.find(template).check)
        assert check.exit_code == 0, check.stdout + check.stderr
        await session.app.restart()
        await becomes(url, "api/notes", (200, [{"id": 1, "text": "first; of all"}]))

        assert await answered(url, "api/notes", [{"text": "by a route"}]) == (200, 1)
        assert "by a route!" in await told(session, "query_database", sql="SELECT text FROM notes")
        status, _ = await answered(url, "api/notes", [{"text": "half"}, {"text": ""}])
        assert status == 500
        await told(session, "change_data", sql="UPDATE notes SET text = 'by the agent' WHERE id = 1")
        rows = [{"id": 1, "text": "by the agent"}, {"id": 2, "text": "by a route!"}]
        assert await answered(url, "api/notes") == (200, rows)

        file = session.data.new_file()
        written = write(opened(pa.table({"id": [1, 2], "what": ["tea", "salt"]})), file)
        await session.hand_over("sales", written, file, keep="latest", private=False)
        assert (await answered(url, "api/sales"))[1][1] == {"id": 2, "what": "salt"}

        await session.checkpoint("Two notes")
        version = (await session.workspace.checkpoints())[0].id
        await told(session, "update_database_schema", name="more", sql="ALTER TABLE notes ADD COLUMN done INTEGER;")
        assert (await answered(url, "api/notes"))[1][0] == rows[0] | {"done": None}
        assert await answered(url, "api/notes", [{"text": "gone again"}]) == (200, 1)
        await session.restore(version)
        await session.app.ensure()
        await becomes(url, "api/notes", (200, rows))

        await becomes(url, "api/key", (200, 0))
        await session.set_secret("WEATHER_KEY", KEY)
        assert await answered(url, "api/key") == (200, len(KEY))
        path, code = list(ROUTES[template].items())[-1]
        await session.workspace.write(path, code.replace("0 +", "1000 +"))
        await becomes(url, "api/key", (200, 1000 + len(KEY)))  # a server that started anew has it again
        assert [one.used_by for one in await session.secrets.all()] == [(path,)]
        control = builder.library.find(template).control
        assert (await answered(url, control, {"act": "give", "secrets": {}}))[0] == 403
        found = await told(session, "run_command", command="env; grep -rl sunny . --exclude-dir=node_modules; true")
        assert KEY not in found
        assert await answered(url, "api/key") == (200, 1000 + len(KEY))

        # A file that was written by hand is applied by the app's server, and a wrong one named with its line.
        await session.workspace.write("migrations/0009_tags.sql", "CREATE TABLE tags (name TEXT) STRICT;\n")
        assert (await answered(url, "api/notes"))[0] == 200
        assert "tags" in await told(session, "describe_database")
        wrong = "CREATE TABLE fine (a TEXT);\n\n-- here\nCREATE TABEL wrong (a);\n"
        await session.workspace.write("migrations/0010_wrong.sql", wrong)
        status, said = await answered(url, "api/notes")
        assert status == REFUSED[template], said
        async with asyncio.timeout(120):  # Next.js tells it in its log alone
            while "migrations/0010_wrong.sql" not in json.dumps(said) + session.app.server.log:
                await asyncio.sleep(0.1)
        assert "fine" not in await told(session, "describe_database")
        await session.workspace.delete("migrations/0010_wrong.sql")
        assert (await answered(url, "api/notes"))[0] == 200
        if template == "nextjs":
            await people_have_accounts(session, url)
        await is_known_by_the_hub(session, builder, url)


async def people_have_accounts(session: Session, url: str) -> None:
    await told(session, "update_database_schema", name="things", sql=THINGS)
    async with browsing(url) as (page, _):

        async def asks(status: int) -> None:
            await page.get_by_role("button", name="Ask").click()
            await expect(page.get_by_role("status")).to_have_text(str(status))

        await expect(page.get_by_label("Email")).to_be_visible()
        await asks(401)
        await page.get_by_role("button", name="Sign up").click()
        for name, then in (("ada@example.com", 404), ("bob@example.com", 404)):
            await page.get_by_label("Email").fill(name)
            await page.get_by_label("Password").fill(PASSWORD)
            await page.locator("form").get_by_role("button", name="Sign up").click()
            await expect(page.get_by_role("button", name=f"Log out {name}")).to_be_visible()
            await asks(then)
            if name.startswith("ada"):
                await told(session, "change_data", sql="INSERT INTO things (owner) SELECT id FROM _users")
                await asks(200)
            await page.get_by_role("button", name="Log out").click()
            await expect(page.get_by_label("Email")).to_be_visible()
            await asks(401)
        await page.get_by_role("button", name="Log in").click()
        await page.get_by_label("Email").fill("ada@example.com")
        await page.get_by_label("Password").fill("a guess of hers")
        await page.locator("form").get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("alert").first).to_have_text("No account has this address and password.")
    hidden = await used(session, "query_database", sql="SELECT * FROM _appbuilder_passwords")
    assert not hidden.ok


HUB = {
    "fastapi-react": ("api/accounts.py", 'BY = "email"', 'BY = "hub"'),
    "nextjs": ("lib/accounts.ts", '{ by: "email",', '{ by: "hub",'),
}


async def is_known_by_the_hub(session: Session, builder: AppBuilder, url: str) -> None:
    """The person, who opens the page in their browser, is whom the JupyterHub says; another browser is nobody."""
    path, before, after = HUB[session.summary.template]
    asks, page = {"Origin": "null"}, {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "none"}
    known = {builder.previews.cookie: builder.previews.person}
    async with httpx.AsyncClient(timeout=120, follow_redirects=True, cookies=known) as person:
        opened = await person.get(url, headers=page)
        own = str(opened.url)  # the visitor's own address

        async def user(who: httpx.AsyncClient, address: str) -> Any:
            answer = await who.get(f"{address}api/accounts", headers=asks)
            return answer.json()["user"] if answer.status_code == 200 else None  # one that starts anew

        assert await user(person, own) is None  # the app does not say so yet
        text = await session.workspace.read_text(path)
        assert before in text
        await session.workspace.write(path, text.replace(before, after))
        async with asyncio.timeout(180):
            while (found := await user(person, own)) is None:
                await person.get(url, headers=page)
        assert found["name"] == "jane"
        assert await user(person, own) == found
        taken = {"name": "Jane", "password": PASSWORD}
        async with httpx.AsyncClient(timeout=120, follow_redirects=True) as other:
            address = str((await other.get(url, headers=page)).url)
            assert address != own
            assert await user(other, address) is None
            told = await other.post(f"{address}api/accounts/sign-up", json=taken, headers=asks)
            assert told.status_code in (403, 409), told.text
            forged = {**asks, "X-AppBuilder-Ticket": "x" * 43}
            assert (await other.post(f"{address}api/accounts/enter", json={}, headers=forged)).status_code >= 400
            assert await user(other, address) is None


def test_accounts_are_the_same_code_in_both_templates_of_node() -> None:
    ours = find_template("serverless").folder / "runtime" / "accounts.mjs"
    assert (find_template("nextjs").files / "lib" / "accounts" / "core.mjs").read_text() == ours.read_text()
