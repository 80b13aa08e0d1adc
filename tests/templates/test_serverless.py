"""The template ``serverless``: functions, components and a layout, in the sandbox and outside it.

``APPBUILDER_SCREENSHOTS=<folder>`` keeps pictures, to be looked at.
"""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from building import app_builder
from playwright.async_api import expect
from previewed import browsing, running
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from jupyter_appbuilder.databases.frames import read_table
from jupyter_appbuilder.session import Session
from jupyter_appbuilder.testing.sandboxes.stage import soon

from .template_app import TemplateApp, dependencies

TEMPLATE = "serverless"

CALL = """
import { callOnce } from "@RUNTIME@/functions.mjs";
const [name, request] = process.argv.slice(2);
console.log(JSON.stringify(await callOnce(name, JSON.parse(request ?? "{}"))));
"""


class Functions(TemplateApp):
    """An app on disk whose functions are called without a server."""

    def __init__(self, folder: Path, **functions: str) -> None:
        super().__init__(folder, TEMPLATE)
        for name, text in functions.items():
            (self.folder / "functions" / f"{name}.ts").write_text(text)

    def call(self, name: str, request: dict[str, Any] | None = None, **limits: str) -> dict[str, Any]:
        code = CALL.replace("@RUNTIME@", str(self.template.runtime))
        (self.folder / "call.mjs").write_text(code)
        command = ["node", "call.mjs", name, json.dumps(request or {})]
        ran = subprocess.run(
            command, cwd=self.folder, env=self.environment | limits, capture_output=True, text=True, timeout=170
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)


@pytest.fixture
def functions(tmp_path: Path) -> Functions:
    return Functions(tmp_path / "app")


def write(app: TemplateApp, path: str, text: str) -> None:
    target = app.folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


THROWS = """interface Row {
  name: string;
}

function first(rows: Row[]): string {
  return rows[0]!.name.trim(); // here
}

export default (_request: Request) => {
  console.log("asked for", { rows: 0 });
  return first([]);
};
"""


def test_a_call_tells_what_it_answered_said_and_changed(functions: Functions) -> None:
    write(
        functions,
        "functions/notes/add.ts",
        'import type { Context } from "app";\n'
        "export async function POST(request: Request, { db, log }: Context) {\n"
        "  const { title } = (await request.json()) as { title: string };\n"
        '  log.info("adding", title);\n'
        '  db.run("INSERT INTO tasks (title) VALUES (?)", title);\n'
        '  return { title, from: new URL(request.url).searchParams.get("from"), big: 2n ** 60n, small: 7n };\n'
        "}\n",
    )
    migrated = 'import { migrate, open } from "@R@/database.mjs"; console.log(migrate(open({}), "migrations"));'
    write(functions, "migrate.mjs", migrated.replace("@R@", str(functions.template.runtime)))
    subprocess.run(["node", "migrate.mjs"], cwd=functions.folder, env=functions.environment, check=True, timeout=60)
    request = {"method": "POST", "body": {"title": "Bread"}, "query": {"from": "shop"}}
    told = functions.call("notes/add", request)
    assert told["status"] == 200
    big = str(2**60)
    assert json.loads(told["body"]) == {"title": "Bread", "from": "shop", "big": big, "small": 7}
    assert told["logs"] == [{"level": "info", "text": "adding Bread"}]
    assert told["changes"] == [{"table": "tasks", "inserted": 1, "updated": 0, "deleted": 0}]
    assert "error" not in told
    wrong = functions.call("notes/add", {"method": "GET"})
    assert wrong["status"] == 405
    assert "answers POST, not GET" in wrong["error"]["message"]
    missing = functions.call("notes/ad")
    assert missing["status"] == 404
    assert "Did you mean notes/add?" in missing["error"]["message"]


def test_an_error_names_the_apps_own_lines(functions: Functions) -> None:
    write(functions, "functions/broken.ts", THROWS)
    told = functions.call("broken")
    assert told["status"] == 500
    assert told["logs"] == [{"level": "info", "text": "asked for { rows: 0 }"}]
    error = told["error"]
    lines = THROWS.split("\n")
    number = next(number for number, line in enumerate(lines, 1) if "// here" in line)
    assert error["source"] == f"functions/broken.ts:{number}:{lines[number - 1].index('name') + 1}"
    assert "reading 'name'" in error["message"]
    frames = error["stack"].splitlines()[1:]
    assert frames[0].strip() == f"at first ({error['source']})"
    assert all("functions/broken.ts" in frame for frame in frames)
    write(functions, "functions/broken.ts", "export default () => {\n  const x = ;\n};\n")
    told = functions.call("broken")
    assert told["error"]["source"] == "functions/broken.ts:2:13"
    assert "could not be compiled" in told["error"]["message"]


FAILURES = {
    "text": ('export default () => { throw "nope"; };', 500, "It threw 'nope', which is no Error."),
    "nothing": ("export default () => { throw null; };", 500, "It threw null, which is no Error."),
    "hostile": (
        'export default () => { throw Object.assign(new Error("x"), { get stack() { throw 1; } }); };',
        500,
        "",
    ),
    "exits": ("export default () => process.exit(0);", 500, "ended its own process"),
    "aborts": ("export default () => process.abort();", 500, "abort"),
    "later": (
        'export default () => { setTimeout(() => { throw new Error("later"); }, 1); return new Promise(() => {}); };',
        500,
        "Error: later",
    ),
    "rejects": (
        'export default () => { void Promise.reject(new Error("missed")); return new Promise(() => {}); };',
        500,
        "Error: missed",
    ),
    "circle": ("export default () => { const a: any = {}; a.a = a; return a; };", 500, "circular"),
    "nothing_exported": ("export const x = 1;", 500, "exports no function"),
}


@pytest.mark.parametrize("name", sorted(FAILURES))
def test_whatever_a_function_does_is_told_as_its_error(name: str, functions: Functions) -> None:
    text, status, message = FAILURES[name]
    write(functions, f"functions/{name}.ts", text)
    told = functions.call(name, None, APPBUILDER_FUNCTION_SECONDS="150")
    assert told["status"] == status
    assert message in told["error"]["message"]
    assert told["error"]["source"].startswith(f"functions/{name}.ts")


LIMITED = {
    "loops": ("export default () => { while (true); };", 504, "did not answer within 2 seconds"),
    "waits": ("export default () => new Promise(() => {});", 504, "did not answer within 2 seconds"),
}


@pytest.mark.parametrize("name", sorted(LIMITED))
def test_a_function_that_does_not_answer_is_ended(name: str, functions: Functions) -> None:
    text, status, message = LIMITED[name]
    write(functions, f"functions/{name}.ts", text)
    told = functions.call(name, APPBUILDER_FUNCTION_SECONDS="2")
    assert told["status"] == status
    assert message in told["error"]["message"]


GREEDY = {
    "heap": "export default () => { const all = []; while (true) all.push(new Array(1000).fill(Math.random())); };",
    "buffers": """
export default async () => {
  const all = [];
  while (true) {
    all.push(Buffer.alloc(8_000_000, 1));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
};
""",
}


@pytest.mark.parametrize("name", sorted(GREEDY))
def test_a_function_that_holds_memory_is_ended(name: str, functions: Functions) -> None:
    write(functions, f"functions/{name}.ts", GREEDY[name])
    limits = {"APPBUILDER_FUNCTION_SECONDS": "150", "APPBUILDER_FUNCTION_HEAP_MB": "64"}
    told = functions.call(name, None, APPBUILDER_FUNCTION_MEMORY_MB="200", **limits)
    assert told["status"] == 500
    assert "memory" in told["error"]["message"]


SOCKETS = """
import { connect } from "node:net";

export default async () => {
  for (let count = 0; count < 3000; count++) connect(1, "127.0.0.1").on("error", () => {});
  return "opened";
};
"""


CHAT = """
import type { Socket, SocketContext } from "app";

const open = new Set<Socket>();

export function socket(socket: Socket, { request, db }: SocketContext) {
  const name = new URL(request.url).searchParams.get("name");
  open.add(socket);
  if (name) socket.send({ hello: name });
  socket.onmessage = async ({ data }) => {
    if (data === "fail") throw new Error("as it was asked to"); // here
    if (data === "leave") return socket.close(4000, "Bye.");
    if (data === "count") return socket.send(db.get("SELECT count(*) AS tasks FROM tasks"));
    for (const one of open) one.send(data);
  };
  socket.onclose = () => open.delete(socket);
}
"""


SLOW = """
const open = new Set<unknown>();
await new Promise((resolve) => setTimeout(resolve, 300));

export async function socket(socket: any) {
  open.add(socket);
  await new Promise((resolve) => setTimeout(resolve, 300));
  socket.onclose = () => open.delete(socket);
  socket.onmessage = () => socket.send(open.size);
}
"""


async def opened(url: str, path: str, **headers: str) -> WebSocketClientConnection:
    request = HTTPRequest(
        f"{url.replace('http', 'ws', 1)}api/{path}", headers=headers, connect_timeout=100, request_timeout=100
    )
    return await websocket_connect(request, max_message_size=8 * 1024 * 1024)


async def left_open(url: str, path: str) -> asyncio.StreamWriter:
    """The client's end of a WebSocket that was refused, which it does not close."""
    host, _, base = url.removeprefix("http://").partition("/")
    reader, writer = await asyncio.open_connection(*host.split(":"))
    head = f"GET /{base}api/{path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    writer.write(f"{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode())
    if path == "slow":  # leaves before it is answered
        writer.close()
        return writer
    assert b" 400 " in await asyncio.wait_for(reader.readline(), 150)
    while await asyncio.wait_for(reader.read(1000), 150):
        pass
    return writer


async def closed(socket: WebSocketClientConnection) -> tuple[int | None, str | None]:
    while await asyncio.wait_for(socket.read_message(), 150) is not None:
        pass
    return socket.close_code, socket.close_reason


async def sockets_are_bounded(url: str) -> None:
    """What functions with WebSockets do, while one of them holds its worker."""
    held = [await left_open(url, "fine") for _ in range(100)]
    ada, bob = await opened(url, "chat?name=Ada"), await opened(url, "chat?name=Bob")
    for socket, name in ((ada, "Ada"), (bob, "Bob")):
        assert await socket.read_message() == json.dumps({"hello": name}, separators=(",", ":"))
    longest = "ünï" * (1024 * 1024 // 5)
    for message in ("first", b"\0\1\2", longest, "last"):
        await ada.write_message(message, binary=isinstance(message, bytes))
        assert [await ada.read_message(), await bob.read_message()] == [message, message]
    await bob.write_message("count")
    assert await bob.read_message() == '{"tasks":2}'
    told = await closed(await opened(url, "leaves"))
    assert told == (1011, "functions/leaves.ts ended its own process (process.exit).")
    await ada.write_message(longest + "x" * 10)
    assert (await closed(ada))[0] == 1009
    failing = await opened(url, "chat")
    await failing.write_message("fail")
    line = next(number for number, line in enumerate(CHAT.split("\n"), 1) if "// here" in line)
    code, reason = await closed(failing)
    assert code == 1011
    assert reason == f"functions/chat.ts:{line}:32: Error: as it was asked to"
    leaving = await opened(url, "chat")
    await leaving.write_message("leave")
    assert await closed(leaving) == (4000, "Bye.")
    for path, headers, status in (
        ("chat", {"Origin": "https://another.example"}, 403),
        ("chta", {}, 404),
        ("fine", {}, 400),
    ):
        with pytest.raises(HTTPClientError) as refused:
            await opened(url, path, **headers)
        assert refused.value.code == status

    # Whoever has left before the function knew of them is no member.
    await left_open(url, "slow")
    slow = await opened(url, "slow")
    for _ in range(600):
        await slow.write_message("how many?")
        if (members := await slow.read_message()) == "1":
            break
        await asyncio.sleep(0.1)
    assert members == "1"
    slow.close()
    await closed(slow)

    # So many and no more; what closes makes room.
    others = [await opened(url, "chat") for _ in range(90)]
    more = await asyncio.gather(*(opened(url, "chat") for _ in range(11)), return_exceptions=True)
    assert {error.code for error in more if isinstance(error, HTTPClientError)} == {503}
    others += [socket for socket in more if isinstance(socket, WebSocketClientConnection)]
    await bob.write_message("to all")
    for socket in (bob, *others):
        assert await socket.read_message() == "to all"
        socket.close()
    for socket in (bob, *others):
        await closed(socket)
    for writer in held:
        writer.close()


@pytest.mark.timeout(400)
async def test_functions_that_misbehave_take_no_other_call_with_them(tmp_path: Path) -> None:
    app = Functions(
        tmp_path / "app",
        exits="export default () => process.exit(1);",
        loops="export default () => { while (true); };",
        sockets=SOCKETS,
        fine='export default () => "fine";',
        chat=CHAT,
        leaves="export function socket() { setTimeout(() => process.exit(1), 10); }",
        slow=SLOW,
        stuck="export function socket(socket: any) { socket.onmessage = () => { while (true); }; }",
        late="export default () => new Promise((resolve) => setTimeout(resolve, 1500, 'late'));",
    )
    # Wide: what is not meant to be ended must not be, however busy the machine is.
    app.environment |= {"APPBUILDER_FUNCTION_SECONDS": "30", "APPBUILDER_FUNCTION_WAIT_SECONDS": "150"}
    serve = [word.replace("/opt/template", str(app.template.runtime)) for word in app.template.serve]
    with app.running(serve, "/some/base/") as url:
        stuck = await opened(url, "stuck")
        await stuck.write_message("hold the worker")
        await sockets_are_bounded(url)
        async with httpx.AsyncClient(timeout=170) as http:

            async def status(name: str) -> int:
                return (await http.get(f"{url}api/{name}")).status_code

            wanted = {"late": 200, "exits": 500, "loops": 504, "sockets": 200, "fine": 200}
            names = [*wanted, "exits", "fine", "sockets", "fine"]
            assert await asyncio.gather(*map(status, names)) == [wanted[name] for name in names]
            assert await status("fine") == 200
            answered = await http.get(f"{url}api/exits")
            assert "ended its own process" in answered.json()["detail"]
            told = (await http.get(f"{url}api/chat")).json()["detail"]
            assert "functions/chat.ts takes WebSockets alone" in told
            large = await http.post(f"{url}api/fine", content=b"x" * (11 * 1024 * 1024))
            assert large.status_code == 413
        told = await closed(stuck)
        assert told == (1011, "functions/stuck.ts kept its WebSockets waiting for 30 seconds and was ended.")


STREAM = """
export default () => {
  let sent = 0;
  const body = new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (sent === 3) controller.close();
      else controller.enqueue(new TextEncoder().encode(`piece ${sent++}\\n`));
    },
  });
  return new Response(body, { headers: { "content-type": "text/plain", "set-cookie": "a=1" } });
};
"""
HONO = """
import { Hono } from "hono";

const app = new Hono().basePath("/api/people");
app.get("/:name/age", (context) => context.json({ name: context.req.param("name"), age: 36 }));
export default app;
"""


def test_a_response_may_be_a_stream_and_a_function_a_hono_app(functions: Functions) -> None:
    write(functions, "functions/stream.ts", STREAM)
    write(functions, "functions/people.ts", HONO)
    told = functions.call("stream")
    assert told["body"] == "piece 0\npiece 1\npiece 2\n"
    assert told["headers"]["set-cookie"] == "a=1"
    told = functions.call("people", {"path": "ada/age"})
    assert json.loads(told["body"]) == {"name": "ada", "age": 36}


QUERY = """-- The tasks that are open, the newest first; with least, those from that number on.
SELECT id, title, ':not a parameter' AS note, count(*) OVER () AS open
FROM tasks WHERE NOT done AND (:least IS NULL OR id >= :least) ORDER BY id DESC;
"""
WRONG_QUERIES = {
    "writes": ("DELETE FROM tasks", "A query begins with SELECT"),
    "hidden": ("WITH a AS (SELECT 1) DELETE FROM tasks RETURNING id", "only reads"),
    "two": ("SELECT 1;\nDROP TABLE tasks;", "(2,1): error: It holds more than one statement"),
    "none": ("-- later", "holds no query"),
    "positions": ("SELECT * FROM tasks\nWHERE id = ?", "(2,1): error: Write ? as a parameter with a name"),
    "column": ("SELECT titel FROM tasks", "no such column: titel"),
    "nobody": ("SELECT * FROM tasks WHERE id = :user", "The app has no accounts"),
    "capital": ("SELECT * FROM tasks\nWHERE id = :User", "(2,1): error: Write :user"),
    "members": ("-- Access: user (those who are logged in)\nSELECT 1", "(1,1): error: -- access: is user or everyone"),
    "number": ("SELECT * FROM tasks WHERE id = :1", "Write :1 as a parameter with a name"),
    "nul": ("SELECT 1 \0 WHERE :user", "NUL"),
}


def checked(app: Functions) -> str:
    command = ["node", str(app.template.runtime / "check.mjs")]
    return subprocess.run(
        command, cwd=app.folder, env=app.environment, capture_output=True, text=True, timeout=170
    ).stdout


def test_a_function_may_be_a_query(functions: Functions) -> None:
    write(functions, "functions/open.sql", QUERY)
    ui = json.loads((functions.folder / "ui.json").read_text())
    ui["pages"][0]["data"]["open"] = {"call": "open", "query": {"least": 2}}
    ui["pages"][0]["aside"] = [{"component": "Table", "props": {"rows": {"bind": "open"}}}]
    write(functions, "ui.json", json.dumps(ui))
    used = 'import { useCall } from "app";\nexport default function Open() {\n  const { data } = useCall("open");\n'
    write(
        functions, "components/Open.tsx", used + "  return <b>{data?.map((row) => row.title.trim() + row.id)}</b>;\n}\n"
    )
    assert checked(functions) == ""
    write(functions, "components/Open.tsx", used + "  return <b>{data?.map((row) => row.titel)}</b>;\n}\n")
    assert "Property 'titel' does not exist" in checked(functions)

    migrated = 'import { migrate, open } from "@R@/database.mjs"; migrate(open({}), "migrations");'
    write(functions, "migrate.mjs", migrated.replace("@R@", str(functions.template.runtime)))
    subprocess.run(["node", "migrate.mjs"], cwd=functions.folder, env=functions.environment, check=True, timeout=60)
    every = json.loads(functions.call("open")["body"])
    assert {*every[0]} == {"id", "title", "note", "open"}
    told = functions.call("open", {"query": {"least": "2"}})
    assert json.loads(told["body"]) == [{**row, "open": len(every) - 1} for row in every if row["id"] >= 2]
    assert functions.call("open", {"query": {"least": "2; DROP TABLE tasks"}})["body"] == "[]"
    refused = functions.call("open", {"query": {"lest": "2"}})
    assert (refused["status"], refused["body"]) == (400, '{"detail":"There is no parameter lest. Did you mean least?"}')
    write(functions, "functions/digits.sql", "SELECT 'no. 2024' LIKE '%' || :digits AS found, :digits + 1 AS next")
    assert functions.call("digits", {"query": {"digits": "2024"}})["body"] == '[{"found":1,"next":2025}]'
    write(functions, "functions/clear.sql", WRONG_QUERIES["hidden"][0])
    assert "readonly database" in functions.call("clear")["error"]["message"]
    assert json.loads(functions.call("open")["body"]) == every
    refused = functions.call("open", {"method": "POST", "body": {}})
    assert refused["status"] == 405
    write(functions, "functions/open.ts", "export const GET = () => 'code goes first';\n")
    assert functions.call("open")["body"] == '"code goes first"'


def test_a_wrong_query_is_named_with_its_line(functions: Functions) -> None:
    for name, (sql, _) in WRONG_QUERIES.items():
        write(functions, f"functions/{name}.sql", sql)
    said = checked(functions)
    for name, (_, message) in WRONG_QUERIES.items():
        assert any(f"functions/{name}.sql(" in line and message in line for line in said.splitlines()), (name, said)


CHATS = """
import { useState } from "react";
import { useSocket } from "app";

export default function Chat() {
  const [heard, setHeard] = useState("");
  const { open, send } = useSocket("chat", (data: string) => setHeard(data), { query: { name: "Ada" } });
  return (
    <section>
      <button className="app-button" disabled={!open} onClick={() => send(7)}>
        Say
      </button>
      <output data-testid="heard">{heard}</output>
    </section>
  );
}
"""

# In the preview


async def logged(session: Session, text: str) -> dict[str, Any]:
    """The finding that says this, as soon as the app has it."""

    async def found() -> dict[str, Any]:
        while True:
            for one in await session.app.problems():
                if text in one["message"]:
                    return one
            await asyncio.sleep(0.1)

    return await soon(found())


@pytest.mark.timeout(400)
async def test_the_page_follows_components_functions_and_data_where_it_stands(tmp_path: Path) -> None:
    async with running(tmp_path, TEMPLATE) as (session, builder, url), browsing(url) as (page, problems):
        await page.get_by_label("What is to be done?").fill("Buy bread")
        await page.get_by_role("button", name="Add", exact=True).click()
        await expect(page.get_by_role("checkbox", name="Buy bread")).to_be_visible()
        await page.get_by_role("checkbox", name="Buy bread").click()
        await expect(page.get_by_role("checkbox", name="Buy bread")).to_be_checked()
        await page.reload()
        await expect(page.get_by_role("checkbox", name="Buy bread")).to_be_checked()
        # What was entered on the page is what Python reads (app.table).
        tasks = await read_table(session.database, session.workspace.app, "pandas", "tasks", None)
        assert list(tasks[tasks.done == 1].title) == ["Buy bread"]
        await page.get_by_role("button", name="Delete Look at functions").click()
        await expect(page.get_by_role("checkbox")).to_have_count(2)

        # A component is replaced, and what stands beside it stays.
        await page.get_by_label("What is to be done?").fill("kept")
        source = await session.workspace.read_text("components/TaskList.tsx")
        changed = source.replace("            Delete\n", "            Remove\n")
        await session.workspace.write("components/TaskList.tsx", changed)
        await expect(page.get_by_role("button", name="Delete Buy bread")).to_have_text("Remove")
        await expect(page.get_by_label("What is to be done?")).to_have_value("kept")

        # A function is called anew.
        api = await session.workspace.read_text("functions/tasks.ts")
        shouted = api.replace(
            'db.all<Task>("SELECT * FROM tasks ORDER BY done, id")',
            'db.all<Task>("SELECT id, upper(title) AS title, done, created FROM tasks")',
        )
        assert shouted != api
        await session.workspace.write("functions/tasks.ts", shouted)
        await expect(page.get_by_role("checkbox", name="BUY BREAD")).to_be_visible()

        # So is it after a migration.
        added = "INSERT INTO tasks (title) VALUES ('From a migration');"
        await session.workspace.write("migrations/0002_more.sql", added)
        await expect(page.get_by_role("checkbox", name="FROM A MIGRATION")).to_be_visible()
        await expect(page.get_by_label("What is to be done?")).to_have_value("kept")

        # A WebSocket is open until its function changes, and opened again then.
        await session.workspace.write("functions/chat.ts", CHAT)
        await session.workspace.write("components/Chat.tsx", CHATS)
        layout = json.loads(await session.workspace.read_text("ui.json"))
        layout["pages"][0]["main"].append({"component": "Chat"})
        await session.workspace.write("ui.json", json.dumps(layout))
        await expect(page.get_by_test_id("heard")).to_have_text('{"hello":"Ada"}')
        await page.get_by_role("button", name="Say").click()
        await expect(page.get_by_test_id("heard")).to_have_text("7")
        await session.workspace.write("functions/chat.ts", CHAT.replace("hello:", "again:"))
        await expect(page.get_by_test_id("heard")).to_have_text('{"again":"Ada"}')
        await page.get_by_role("button", name="Say").click()
        await expect(page.get_by_test_id("heard")).to_have_text("7")
        assert problems == []
        check = await (await session.app.sandbox()).exec(builder.library.find(TEMPLATE).check)
        assert check.exit_code == 0, check.stdout + check.stderr


FALLS = """
import { useState } from "react";

export default function Falls() {
  const [fallen, setFallen] = useState(false);
  if (fallen) throw new Error("fell over"); // here
  return <button onClick={() => setFallen(true)}>Fall</button>;
}
"""


@pytest.mark.timeout(400)
async def test_a_broken_component_shows_a_box_is_told_and_mended_in_place(tmp_path: Path) -> None:
    async with running(tmp_path, TEMPLATE) as (session, _, url), browsing(url) as (page, _):
        layout = json.loads(await session.workspace.read_text("ui.json"))
        layout["pages"][0]["main"] += [{"component": "Falls"}, {"component": "Nowhere"}]
        await session.workspace.write("components/Falls.tsx", FALLS)
        await session.workspace.write("ui.json", json.dumps(layout))
        # What is unknown is said, and the rest is there.
        await expect(page.get_by_role("heading", name="There is no component Nowhere.")).to_be_visible()
        await page.get_by_role("button", name="Fall").click()
        box = page.locator(".app-box").filter(has_text="fell over")
        await expect(box.get_by_role("heading", name="Something went wrong")).to_be_visible()
        await expect(page.get_by_role("button", name="Add", exact=True)).to_be_visible()
        line = next(number for number, text in enumerate(FALLS.split("\n"), 1) if "// here" in text)
        found = await logged(session, "fell over")
        assert found["source"].startswith(f"components/Falls.tsx:{line}:")
        # One that cannot be compiled names its line; mended, it is there without another load.
        await session.workspace.write("components/Falls.tsx", FALLS.replace("return <button", "return <<button"))
        await expect(page.get_by_role("heading", name="Falls could not be compiled.")).to_be_visible()
        _, checked = await session.call("check_app", {}, by="person")
        assert not checked.ok
        assert "components/Falls.tsx" in checked.text
        assert "There is no component Nowhere." in checked.text
        await session.workspace.write("components/Falls.tsx", FALLS.replace("Fall<", "Stand<"))
        await expect(page.get_by_role("button", name="Stand")).to_be_visible()


@pytest.mark.timeout(400)
async def test_a_function_that_fails_is_told_with_its_place(tmp_path: Path) -> None:
    async with running(tmp_path, TEMPLATE) as (session, _, url), browsing(url) as (page, _):
        await expect(page.get_by_role("checkbox")).to_have_count(2)
        api = await session.workspace.read_text("functions/tasks.ts")
        broken = api.replace("FROM tasks ORDER", "FROM nowhere ORDER")
        assert broken != api
        await session.workspace.write("functions/tasks.ts", broken)
        await expect(page.locator(".app-box").filter(has_text="no such table: nowhere")).to_be_visible()
        found = await logged(session, "no such table: nowhere")
        line = next(number for number, text in enumerate(broken.split("\n"), 1) if "nowhere" in text)
        assert found["source"].startswith(f"functions/tasks.ts:{line}:")
        assert "GET /api/tasks answered 500" in found["message"]
        assert f"functions/tasks.ts:{line}" in found["stack"]
        await session.workspace.write("functions/tasks.ts", api)
        await expect(page.get_by_role("checkbox")).to_have_count(2)
        assert "no such table: nowhere" in session.app.server.log


CARDS = '{"component": "Card", "children": [' * 200 + "]}" * 200
DEEP = f'{{"title": "x", "pages": [{{"path": "/", "main": [{CARDS}]}}]}}'
HOSTILE = {
    "large": ('{"title": "' + "x" * (10 * 1024 * 1024) + '", "pages": []}', "1 MB is the most"),
    "no JSON": ('{"title": ', "is no JSON"),
    "a list": ("[1, 2]", "must be an object"),
    "deep": (DEEP, "nested too deeply"),
    "prototype": (
        '{"title": "x", "__proto__": {"a": 1}, "pages": [{"path": "/", "main": [{"component": "__proto__"}, '
        '{"component": "constructor"}]}]}',
        '"__proto__" is no name that can be used.',
    ),
}


@pytest.mark.timeout(400)
async def test_a_layout_that_makes_no_sense_is_told_and_the_page_lives(tmp_path: Path) -> None:
    async with running(tmp_path, TEMPLATE) as (session, _, url), browsing(url) as (page, _):
        good = await session.workspace.read_text("ui.json")
        for text, message in HOSTILE.values():
            await session.workspace.write("ui.json", text)
            await expect(page.locator(".app-box").filter(has_text=message)).to_be_visible()
            await page.reload()
            await expect(page.locator(".app-box").filter(has_text=message)).to_be_visible()
            _, checked = await session.call("check_app", {}, by="person")
            assert not checked.ok
            assert message in checked.text
            await session.workspace.write("ui.json", good)
            await expect(page.get_by_role("checkbox")).to_have_count(2)


# Outside


WIDE = {"category": "Equipment", "supplier": "Nordic Ceramics", "price": 21, "stock": 5, "ordered": "yesterday"}


async def test_a_table_on_a_phone_scrolls_and_cuts_no_word(tmp_path: Path) -> None:
    async with running(tmp_path, TEMPLATE) as (session, _, url), browsing(url) as (page, _):
        table = {"component": "Table", "props": {"rows": [WIDE], "columns": list(WIDE)}}
        layout = {"title": "Wide", "pages": [{"path": "/", "main": [{"component": "Card", "children": [table]}]}]}
        await session.workspace.write("ui.json", json.dumps(layout))
        await page.set_viewport_size({"width": 360, "height": 640})
        head = page.get_by_role("columnheader", name="category")
        await expect(head).to_be_visible()
        for word in (head, page.get_by_role("cell", name="Equipment")):
            lines = "(cell) => { const range = document.createRange(); range.selectNodeContents(cell);"
            assert await word.evaluate(f"{lines} return range.getClientRects().length; }}") == 1
        region = page.get_by_role("region", name="Table")
        assert await region.evaluate("(one) => one.scrollWidth > one.clientWidth")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.walk
@pytest.mark.timeout(400)
async def test_an_export_runs_is_built_and_serves_what_was_built_without_us(tmp_path: Path) -> None:
    async with app_builder(tmp_path, model="demo:recorded") as builder:
        session = await builder.create(name="app", template=TEMPLATE)
        await session.ready()
        await session.workspace.write("functions/chat.ts", CHAT)
        content = await session.workspace.zip(builder.library.exported(TEMPLATE))
    folder = tmp_path / "exported"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
    app = TemplateApp(tmp_path / "unused", TEMPLATE)
    app.folder = folder
    (folder / "node_modules").symlink_to(dependencies(app.template) / "node_modules")
    scripts = json.loads((folder / "package.json").read_text())["scripts"]

    def command(name: str) -> list[str]:
        return scripts[name].replace("5173 /", "{port} {base}").replace("8000 /", "{port} {base}").split()

    for name in ("check", "build"):
        done = await asyncio.to_thread(
            subprocess.run, command(name), cwd=folder, env=app.environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
    for name in ("dev", "start"):
        with app.running(command(name), "/some/path/") as url:
            chat = await opened(url, "chat?name=Ada")
            assert await chat.read_message() == '{"hello":"Ada"}'
            await chat.write_message("fail")
            hidden = (1011, "Something went wrong on the server.")
            assert (await closed(chat) == hidden) is (name == "start")
            async with browsing(url) as (page, problems):
                await expect(page.get_by_role("heading", level=1)).to_contain_text("Describe your app.")
                await page.get_by_label("What is to be done?").fill(f"Added to {name}")
                await page.get_by_role("button", name="Add", exact=True).click()
                await expect(page.get_by_role("checkbox", name=f"Added to {name}")).to_be_visible()
                assert problems == []


# The agent's tools


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"component": "TaskLst"}, "Did you mean TaskList?"),
    ({"component": "TaskList", "props": {"task": []}}, "/pages/0/main/0/props/task: TaskList takes no task."),
    ({"component": "Heading", "props": {"text": {"bind": "nots"}}}, "Did you mean notes?"),
    ({"component": "Button", "props": {"label": "x"}, "on": {"onClick": {"call": "task"}}}, "mean tasks?"),
    (
        {"component": "Button", "props": {"label": "x"}, "on": {"onClick": {"call": "notes/list"}}},
        "functions/notes/list.ts answers GET, not POST.",
    ),
    ({"component": "Link", "props": {"label": "x", "to": "/"}, "prop": {}}, 'Did you mean "props"?'),
]
"""Parts of a layout that do not fit, and what is told of them."""


@pytest.mark.timeout(400)
async def test_functions_and_the_layout_are_changed_by_tools_that_hold_them_to_the_app(tmp_path: Path) -> None:
    async with app_builder(tmp_path, model="demo:recorded") as builder:
        session = await builder.create(name="app", template=TEMPLATE)
        await session.ready()

        async def call(tool: str, **arguments: Any) -> Any:
            _, result = await session.call(tool, arguments, by="person")
            return result

        made = await call("create_function", name="notes/list", code="export function GET() { return []; }\n")
        assert made.ok, made.text
        assert "answers GET at api/notes/list" in made.text
        made = await call("create_function", name="chat", code=CHAT)
        assert "answers WebSockets at api/chat" in made.text
        broken = await call("create_function", name="broken", code="export default () => {\n  const x = ;\n};\n")
        assert not broken.ok
        assert "functions/broken.ts:2:13" in broken.text
        outside = await call("create_function", name="../notes", code="export default () => [];\n")
        assert not outside.ok
        assert "is no name of a function" in outside.text

        heading = {"component": "Heading", "props": {"text": {"bind": "notes.length"}}}
        bound = {"op": "add", "path": "/pages/0/data/notes", "value": {"call": "notes/list"}}
        added = {"op": "add", "path": "/pages/0/main/-", "value": heading}
        changed = await call("update_layout", patch=[bound, added])
        assert changed.ok, changed.text
        layout = json.loads(await session.workspace.read_text("ui.json"))
        assert layout["pages"][0]["main"][-1] == heading
        for wrong, told in MISTAKES:
            refused = await call("update_layout", patch=[{"op": "add", "path": "/pages/0/main/0", "value": wrong}])
            assert not refused.ok
            assert told in refused.text
        missing = await call("update_layout", patch=[{"op": "remove", "path": "/pages/3"}])
        assert not missing.ok
        assert "There is nothing at /pages/3" in missing.text
        assert json.loads(await session.workspace.read_text("ui.json")) == layout
