"""Functions of the real template, called by the agent's tool: answer, logs, what changed, and where it failed."""

from __future__ import annotations

from pathlib import Path

from building import app_builder
from database_app import used

FUNCTION = """import type { Context } from "app";

export function POST(request: Request, { db, log }: Context) {
  log.info("adding");
  db.run("INSERT INTO visits (who) VALUES (?)", "Ada");
  return db.get("SELECT count(*) AS n FROM visits");
}

export function GET() {
  throw new Error("nobody knows");
}
"""


async def test_a_function_is_called_and_its_changes_and_errors_are_told(tmp_path: Path):
    async with app_builder(tmp_path) as builder:
        session = await builder.create(name="whole", template="serverless")
        made = await used(
            session,
            "update_database_schema",
            name="visits",
            sql="CREATE TABLE visits (id INTEGER PRIMARY KEY, who TEXT NOT NULL)",
        )
        assert made.ok, made.text
        await used(session, "write_file", path="functions/visits.ts", content=FUNCTION)
        called = await used(session, "call_function", name="visits", method="POST", body="{}")
        assert called.ok, called.text
        assert '{"n":1}' in called.text
        assert "Changed in the database: visits: 1 inserted" in called.text
        assert '"adding"' in called.text
        failed = await used(session, "call_function", name="visits")
        assert not failed.ok
        assert "Status 500" in failed.text
        assert "nobody knows" in failed.text
        assert "functions/visits.ts:10" in failed.text
        described = await used(session, "describe_database")
        assert "visits: 1 inserted" in described.text
        # The app runs, and a migration of the agent's is applied while it does.
        assert (await session.app.ensure()).state == "ready"
        later = await used(session, "update_database_schema", name="later", sql="ALTER TABLE visits ADD COLUMN at TEXT")
        assert later.ok, later.text
        assert (
            await used(session, "query_database", sql="SELECT who, at FROM visits")
        ).text == 'who | at\n"Ada" | NULL'
