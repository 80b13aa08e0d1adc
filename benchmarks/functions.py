"""A call of an app's function: at its server and through the preview, beside bare Node with node:sqlite and FastAPI
with SQLite, which answer the same; how many of them in a second; and a component compiled anew, beside esbuild."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from building import share_dependencies
from templates.template_app import NODE, TemplateApp

from .report import heading, row

QUERY = "SELECT id, title, done FROM tasks WHERE id = ?"
FUNCTION = f"""
import type {{ Context }} from "app";
export function GET(_: Request, {{ db }}: Context) {{
  return db.get("{QUERY}", 1);
}}
"""
FASTAPI = f'''

@app.get("/api/one")
def one(db: Database) -> dict[str, object]:
    return dict(db.execute("{QUERY}", (1,)).fetchone())
'''
TABLE = (
    "CREATE TABLE tasks(id INTEGER PRIMARY KEY, title TEXT, done INTEGER);\n"
    "INSERT INTO tasks VALUES (1, 'Buy bread', 0);\n"
)
BARE = f"""
import {{ createServer }} from "node:http";
import {{ DatabaseSync }} from "node:sqlite";
const db = new DatabaseSync(":memory:");
db.exec({json.dumps(TABLE)});
const query = db.prepare("{QUERY}");
createServer((_, response) => {{
  const text = JSON.stringify(query.get(1));
  response.writeHead(200, {{ "Content-Type": "application/json" }}).end(text);
}}).listen(process.argv[2]);
"""
# Asks again as soon as it is answered, over as many connections as told, after three seconds that do not count. Prints
# {"p50", "p90" (ms), "second" (answers)}.
LOAD = """
import { Agent, request } from "node:http";
const [where, connections, seconds] = [JSON.parse(process.argv[2]), Number(process.argv[3]), Number(process.argv[4])];
const agent = new Agent({ keepAlive: true, maxSockets: connections });
const ask = () => new Promise((resolve, reject) => {
  request({ ...where, agent }, (response) => {
    response.on("data", () => {}).on("end", () => (response.statusCode === 200 ? resolve() : reject(new Error(String(response.statusCode)))));
  }).on("error", reject).end();
});
const taken = [];
async function go(seconds, note) {
  const end = performance.now() + 1000 * seconds;
  await Promise.all(Array.from({ length: connections }, async () => {
    while (performance.now() < end) {
      const began = performance.now();
      await ask();
      note(performance.now() - began);
    }
  }));
}
await go(3, () => {});
await go(seconds, (one) => taken.push(one));
taken.sort((a, b) => a - b);
const at = (share) => taken[Math.floor(share * taken.length)];
console.log(JSON.stringify({ p50: at(0.5), p90: at(0.9), second: taken.length / seconds }));
process.exit();
"""  # noqa: E501
COMPONENTS = """
import { readFileSync, writeFileSync } from "node:fs";
import { Components } from "@RUNTIME@/components.mjs";
import { packageOf } from "@RUNTIME@/app.mjs";
const path = "components/TaskList.tsx";
const source = readFileSync(path, "utf8");
const components = new Components();
const ours = [], theirs = [];
await components.state();
for (let round = 0; round < 30; round++) {
  writeFileSync(path, `${source}\\n// ${round}\\n`);
  let began = performance.now();
  components.changed();
  await components.state();
  ours.push(performance.now() - began);
  began = performance.now();
  await packageOf("esbuild").build({ entryPoints: [path], bundle: true, write: false, format: "esm", jsx: "automatic", external: ["react", "react/*", "app"] });
  theirs.push(performance.now() - began);
}
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
console.log(JSON.stringify([median(ours), median(theirs)]));
await components.close();
process.exit();
"""  # noqa: E501
SECONDS = 5
CONNECTIONS = 32


def load(folder: Path, where: dict[str, Any], connections: int) -> dict[str, float]:
    program = folder / "load.mjs"
    program.write_text(LOAD)
    command = [NODE / "bin" / "node", program, json.dumps(where), str(connections), str(SECONDS)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@contextmanager
def bare(folder: Path) -> Iterator[dict[str, Any]]:
    program, socket = folder / "bare.mjs", folder / "bare.sock"
    program.write_text(BARE)
    with subprocess.Popen([NODE / "bin" / "node", program, socket]) as process:
        while not socket.exists():
            time.sleep(0.05)
        yield {"socketPath": str(socket), "path": "/api/one"}
        process.terminate()


def places(app: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Where a function of the app is reached: its server's socket, and the preview."""
    from urllib.parse import urlsplit

    url = urlsplit(app.preview().url + "api/one")
    running = app.aio.engine.run(app.aio.session()).app
    server = running.server_at(f"{running.base_path}api/one")
    path = f"{running.base_path}api/one"
    inside = {"socketPath": str(server.address.socket), "path": path.removeprefix(server.address.strip)}
    return inside, {"host": url.hostname, "port": url.port, "path": url.path}


def compiled(folder: Path) -> tuple[float, float]:
    app = TemplateApp(folder / "compiled", "serverless")
    program = app.folder / "measure.mjs"
    program.write_text(COMPONENTS.replace("@RUNTIME@", str(app.template.runtime)))
    ran = subprocess.run(
        ["node", program], cwd=app.folder, env=app.environment, check=True, capture_output=True, text=True
    )
    ours, theirs = json.loads(ran.stdout)
    return ours, theirs


def main() -> None:
    from jupyter_appbuilder import App

    heading("Functions of an app: one row of its database")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["JUPYTER_DATA_DIR"] = str(folder / "data")
        share_dependencies(folder / "data" / "appbuilder")
        ours = App("ours", template="serverless", root=folder, model="demo:recorded")
        ours.write("functions/one.ts", FUNCTION)
        theirs = App("theirs", template="fastapi-react", root=folder, model="demo:recorded")
        theirs.write("migrations/0002_tasks.sql", TABLE)
        main_py = Path(theirs.folder) / "app/api/main.py"
        theirs.write("api/main.py", main_py.read_text() + FASTAPI)
        found: dict[str, dict[str, float]] = {}
        with bare(folder) as at:
            (inside, preview), (python, _) = places(ours), places(theirs)
            for name, where in {"inside": inside, "preview": preview, "bare": at, "python": python}.items():
                one, many = load(folder, where, 1), load(folder, where, CONNECTIONS)
                found[name] = {"p50": one["p50"], "p90": one["p90"], "second": many["second"]}
        ours.close()
        theirs.close()
        node, fastapi = "bare Node + node:sqlite", "FastAPI + SQLite (one worker, development)"
        for name, what, target in (
            ("inside", "a call at the app's server", "≤ 2 ms"),
            ("preview", "a call through the preview", "≤ 5 ms"),
        ):
            row(f"{what}, p50", found[name]["p50"], "ms", peer=found["bare"]["p50"], of=node, target=target)
            row(f"{what}, p50", found[name]["p50"], "ms", peer=found["python"]["p50"], of=fastapi)
            row(f"{what}, p90", found[name]["p90"], "ms", peer=found["python"]["p90"], of=fastapi)
        what = f"answers in a second, {CONNECTIONS} connections"
        for name in ("inside", "preview"):
            row(f"{what}, {name}", found[name]["second"], "", peer=found["bare"]["second"], of=node, target="≥ 1,000")
            row(f"{what}, {name}", found[name]["second"], "", peer=found["python"]["second"], of=fastapi)
        component, esbuild = compiled(folder)
        row("a component compiled anew", component, "ms", peer=esbuild, of="esbuild.build", target="≤ 50 ms")


if __name__ == "__main__":
    main()
