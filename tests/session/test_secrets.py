"""Secrets of an app: given to its functions at run time, to nothing else, and masked in whatever is told."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from building import app_builder
from database_app import used

from jupyter_appbuilder.apps.function_server import FunctionServer
from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.vault import Mask, Vault
from jupyter_appbuilder.vault.mask import Stream
from jupyter_appbuilder.vault.system import SystemKeyring

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
        await used(session, "write_file", path="functions/leaks.ts", content=LEAKS)
        assert (await session.secrets.example())[".env.example"].endswith("OTHER_KEY=\nREGION=\nAPI_KEY=\n")
        forked, _ = await builder.fork(id, checkpoint=(await session.workspace.checkpoints())[0].id)
        await forked.ready()
        assert not await forked.secrets.any()
        await builder.delete(id, files=True)
        assert not list((tmp_path / "data" / "secrets").glob(f"{id}*"))


async def test_a_visitor_of_the_preview_cannot_ask_as_the_app_builder_does(tmp_path: Path):
    async with app_builder(tmp_path, secrets="file") as builder:
        session = await builder.create(name="keys", template="serverless")
        await session.ready()
        await session.set_secret("API_KEY", VALUE)
        server = await session.app.ensure()
        assert server.address
        stranger = FunctionServer("_app/control", nothing)
        for act in ("give", "functions", "call"):
            with pytest.raises(Unavailable, match="for the App Builder alone"):
                await stranger.ask(server.address, session.app.base_path, act, name="tasks", secrets={})
        assert json.loads((await session.call_function("tasks")).body) is not None


async def test_an_app_that_another_process_sets_a_secret_of_gets_it(tmp_path: Path):
    async with app_builder(tmp_path, secrets="file") as builder:
        session = await builder.create(name="keys", template="serverless")
        await used(session, "write_file", path="functions/leaks.ts", content=LEAKS)
        assert json.loads((await session.call_function("leaks")).body)["size"] == 0
        Vault(tmp_path / "data" / "secrets", "file").set(session.id, "API_KEY", VALUE)
        async with asyncio.timeout(120):
            while json.loads((await session.call_function("leaks")).body)["size"] != len(VALUE):
                await asyncio.sleep(0.2)


async def nothing() -> dict[str, str]:
    return {}


def test_the_keyring_of_the_system_keeps_values_and_the_folder_has_names_alone(tmp_path: Path):
    vault = Vault(tmp_path / "secrets", "keyring")
    kept: dict[tuple[str, str], str] = {}

    class Backend:
        name = "of the test"

        def set_password(self, service: str, name: str, value: str) -> None:
            kept[service, name] = value

        def get_password(self, service: str, name: str) -> str | None:
            return kept.get((service, name))

        def delete_password(self, service: str, name: str) -> None:
            del kept[service, name]

    vault._keyring = SystemKeyring(Backend())
    assert "keyring" in vault.set("one", "API_KEY", VALUE).where
    assert list(kept.values()) == [VALUE]
    assert vault.values("one") == {"API_KEY": VALUE}
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and VALUE.encode() in path.read_bytes()]
    vault.forget("one")
    assert not kept
    assert vault.kept("one") == []


def test_a_note_moved_to_another_app_or_name_or_a_lost_key_gives_nothing(tmp_path: Path):
    vault = Vault(tmp_path / "secrets", "file")
    vault.set("one", "API_KEY", VALUE)
    vault.set("two", "OTHER_KEY", VALUE + "2")
    shutil.copy(tmp_path / "secrets/one/API_KEY", tmp_path / "secrets/two/API_KEY")
    shutil.copy(tmp_path / "secrets/one/API_KEY", tmp_path / "secrets/one/MOVED")
    assert vault.values("two") == {"OTHER_KEY": VALUE + "2"}
    assert vault.values("one") == {"API_KEY": VALUE}
    (tmp_path / "secrets/.key").unlink()
    assert Vault(tmp_path / "secrets", "file").values("one") == {}


@pytest.mark.parametrize("piece", range(1, len(VALUE) + 3))
def test_a_secret_is_masked_wherever_a_piece_of_the_output_ends(piece: int):
    mask = Mask()
    mask.learn([VALUE, "-----BEGIN KEY-----\n" + "Ab9" * 20 + "\n-----END KEY-----"])
    text = f"a {VALUE} b {VALUE[:-1]} c {json.dumps(VALUE)} {quote(VALUE, safe='')} {'Ab9' * 20} {VALUE}"
    stream = Stream(mask)
    told = "".join(stream.feed(text[at : at + piece]) for at in range(0, len(text), piece)) + stream.rest()
    assert told == f'a ••• b {VALUE[:-1]} c "•••" ••• ••• •••'
    assert mask.data({"deep": [{VALUE: VALUE}]}) == {"deep": [{"•••": "•••"}]}


@pytest.mark.parametrize("before", ["", "x", "xy", "user:"])
def test_a_secret_is_masked_in_base64_whatever_stands_before_it(before: str):
    mask = Mask()
    mask.learn([VALUE])
    encoded = base64.b64encode(f"{before}{VALUE}{before}".encode()).decode()
    left = mask.text(encoded).split("•••")
    assert len(left) == 2
    assert sum(map(len, left)) <= 8 + 3 * len(before)
