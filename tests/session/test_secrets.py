"""Secrets of an app: given to its functions at run time, to nothing else, and masked in whatever is told."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from building import app_builder
from database_app import used

VALUE = "kV9-top/secret+value=42"
LEAKS = """import type { Context } from "app";
import { execFileSync } from "node:child_process";

export function GET(_request: Request, { env, log }: Context) {
  log.info(`using ${env.API_KEY}`);
  console.log(Buffer.from(`user:${env.API_KEY}`).toString("base64"));
  const child = execFileSync(process.execPath, ["-p", "JSON.stringify(process.env)"]).toString();
  return { key: env.API_KEY, size: env.API_KEY?.length ?? 0, plain: env.REGION, inherited: child.includes("API_KEY") };
}

export function POST(_request: Request, { env }: Context) {
  throw new Error(`refused ${env.API_KEY}`);
}

export function PUT(_request: Request, { env }: Context) {
  const { OTHER_KEY } = env;
  return OTHER_KEY!.length;
}
"""


def stored(session: Any) -> str:
    return json.dumps([event.to_json() for event in session.stored], ensure_ascii=False)


async def test_functions_get_a_secret_and_nothing_tells_it(tmp_path: Path):
    async with app_builder(tmp_path, secrets="file") as builder:
        session = await builder.create(name="keys", template="serverless")
        await used(session, "write_file", path="functions/leaks.ts", content=LEAKS)
        await session.workspace.write(".env", "REGION=north\n")
        lacking = {one.name: one for one in await session.secrets.all()}
        assert set(lacking) == {"API_KEY", "OTHER_KEY"}  # REGION is in .env
        assert lacking["API_KEY"].used_by == ("functions/leaks.ts",)
        assert not lacking["API_KEY"].at

        missing = await session.call_function("leaks", method="PUT")
        assert missing.status == 500
        assert "env.OTHER_KEY is not set" in missing.error
        assert missing.missing == ["OTHER_KEY"]

        await session.set_secret("API_KEY", VALUE)
        called = await session.call_function("leaks")
        answer = json.loads(called.body)
        assert answer == {"key": "•••", "size": len(VALUE), "plain": "north", "inherited": False}
        assert called.logs[0].text == "using •••"
        failed = await session.call_function("leaks", method="POST")
        assert "refused •••" in failed.error

        # The agent's tool, a command beside, and what the server printed.
        by_agent = await used(session, "call_function", name="leaks")
        assert by_agent.ok, by_agent.text
        assert "•••" in by_agent.text
        environment = await used(session, "run_command", command="env; cat /proc/*/environ | tr '\\0' '\\n'; ls -a")
        assert "API_KEY" not in environment.text
        echoed = await used(session, "run_command", command=f"echo '{VALUE}'; echo '{VALUE[:9]}''{VALUE[9:]}'")
        assert echoed.text.count("•••") >= 2
        encoded = base64.b64encode(f"user:{VALUE}".encode()).decode()
        told = [stored(session), session.app.server.log, json.dumps(session.app.preview), echoed.text, by_agent.text]
        told += [json.dumps([one.to_json() for one in await session.functions_of_app()])]
        for text in told:
            assert VALUE not in text
            assert encoded[8:-4] not in text
        assert "[functions/leaks.ts] using •••" in session.app.server.log
        inside = [
            path for path in session.workspace.app.rglob("*") if path.is_file() and "node_modules" not in path.parts
        ]
        assert not [path for path in inside if VALUE.encode() in path.read_bytes()]

        # Another value at once; removed, it is gone.
        await session.set_secret("API_KEY", VALUE + "-newer")
        assert json.loads((await session.call_function("leaks")).body)["size"] == len(VALUE) + 6
        await session.app.restart()
        assert json.loads((await session.call_function("leaks")).body)["size"] == len(VALUE) + 6
        await session.app.sleep()
        assert json.loads((await session.call_function("leaks")).body)["size"] == len(VALUE) + 6
        await session.remove_secret("API_KEY")
        assert json.loads((await session.call_function("leaks")).body)["size"] == 0
        assert VALUE not in stored(session)


async def test_secrets_outlive_the_process_stay_with_the_app_and_go_with_it(tmp_path: Path):
    async with app_builder(tmp_path, secrets="file") as builder:
        session = await builder.create(name="keys", template="serverless")
        await session.ready()
        await session.set_secret("API_KEY", VALUE)
        id = session.id
    files = [path for path in (tmp_path / "data" / "secrets").rglob("*") if path.is_file()]
    assert files
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
    assert not [path for path in files if VALUE.encode() in path.read_bytes()]
    async with app_builder(tmp_path, secrets="file") as builder:
        session = await builder.session(id)
        assert (await session.secrets.values()) == {"API_KEY": VALUE}
        await session.call("write_file", {"path": "notes.md", "content": f"It is {VALUE}."}, by="person")
        assert VALUE not in stored(session)
        await builder.delete(id, files=True)
        assert not list((tmp_path / "data" / "secrets").glob(f"{id}*"))
