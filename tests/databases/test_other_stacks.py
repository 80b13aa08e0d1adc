"""Templates whose server is their own (Python, Next.js) have the same database as functions do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from database_app import used
from datasets.stage import hand_over
from previewed import running

from jupyter_appbuilder.session import Session

SCHEMA = """CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL CHECK (text <> '')) STRICT;
INSERT INTO notes (text) VALUES ('first; of all');
CREATE TRIGGER shout AFTER INSERT ON notes BEGIN
  UPDATE notes SET text = text || '!' WHERE id = NEW.id;
END;
"""

PYTHON = """
from fastapi import FastAPI
from pydantic import BaseModel

from .database import Database, transaction

app = FastAPI()


class Note(BaseModel):
    text: str


@app.get("/api/health")
def health() -> dict[str, float]:
    return {"started": 2.0}


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

ROUTES = {
    "fastapi-react": {"api/main.py": PYTHON.lstrip()},
    "nextjs": {"app/api/notes/route.ts": NEXT.lstrip(), "app/api/sales/route.ts": NEXT_SALES.lstrip()},
}
REFUSED = {"fastapi-react": 503, "nextjs": 500}


async def answered(url: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with httpx.AsyncClient(timeout=120) as client:
        asked = client.get(url + path) if body is None else client.post(url + path, json=body)
        answer = await asked
    try:
        return answer.status_code, answer.json()
    except ValueError:
        return answer.status_code, answer.text


async def told(session: Session, tool: str, **arguments: Any) -> str:
    result = await used(session, tool, **arguments)
    assert result.ok, result.text
    return result.text


@pytest.mark.timeout(400)  # the first run installs packages
@pytest.mark.parametrize("template", sorted(ROUTES))
async def test_routes_tools_data_and_versions_share_one_database(template: str, tmp_path: Path) -> None:
    async with running(tmp_path, template) as (session, builder, url):
        await told(session, "update_database_schema", name="notes", sql=SCHEMA)
        for path, text in ROUTES[template].items():
            await session.workspace.write(path, text)
        check = await (await session.app.sandbox()).exec(builder.library.find(template).check)
        assert check.exit_code == 0, check.stdout + check.stderr
        await session.app.restart()
        assert await answered(url, "api/notes") == (200, [{"id": 1, "text": "first; of all"}])

        assert await answered(url, "api/notes", [{"text": "by a route"}]) == (200, 1)
        assert "by a route!" in await told(session, "query_database", sql="SELECT text FROM notes")
        status, _ = await answered(url, "api/notes", [{"text": "half"}, {"text": ""}])
        assert status == 500
        await told(session, "change_data", sql="UPDATE notes SET text = 'by the agent' WHERE id = 1")
        rows = [{"id": 1, "text": "by the agent"}, {"id": 2, "text": "by a route!"}]
        assert await answered(url, "api/notes") == (200, rows)

        await hand_over(session, "sales", pa.table({"id": [1, 2], "what": ["tea", "salt"]}))
        assert (await answered(url, "api/sales"))[1][1] == {"id": 2, "what": "salt"}

        await session.checkpoint("Two notes")
        version = (await session.workspace.checkpoints())[0].id
        await told(session, "update_database_schema", name="more", sql="ALTER TABLE notes ADD COLUMN done INTEGER;")
        assert (await answered(url, "api/notes"))[1][0] == rows[0] | {"done": None}
        assert await answered(url, "api/notes", [{"text": "gone again"}]) == (200, 1)
        await session.restore(version)
        await session.app.ensure()
        assert await answered(url, "api/notes") == (200, rows)

        # A file that was written by hand is applied by the app's server, and a wrong one named with its line.
        await session.workspace.write("migrations/0009_tags.sql", "CREATE TABLE tags (name TEXT) STRICT;\n")
        assert (await answered(url, "api/notes"))[0] == 200
        assert "tags" in await told(session, "describe_database")
        wrong = "CREATE TABLE fine (a TEXT);\n\n-- here\nCREATE TABEL wrong (a);\n"
        await session.workspace.write("migrations/0010_wrong.sql", wrong)
        status, said = await answered(url, "api/notes")
        assert status == REFUSED[template], said
        assert "migrations/0010_wrong.sql" in json.dumps(said)
        assert "fine" not in await told(session, "describe_database")
        await session.workspace.delete("migrations/0010_wrong.sql")
        assert (await answered(url, "api/notes"))[0] == 200
