"""Apps in which nothing is amiss: the gate says nothing of them."""

from __future__ import annotations

import base64
import json
import random
import shutil
import subprocess
from pathlib import Path
from uuid import UUID

import pytest
from templates.template_app import TemplateApp

from jupyter_appbuilder.models.demo.recordings import SHIPPED, load
from jupyter_appbuilder.templates.templates import find_template
from jupyter_appbuilder.workspace.ignore import never_tracked

from .releases import HEX, WORD, Files, made, release, seen, told
from .test_leaks import encoded


class Unbuilt(TemplateApp):
    """The files of an app, without its packages."""

    def __init__(self, folder: Path, template: str) -> None:
        self.template = find_template(template)
        self.folder = folder
        shutil.copytree(self.template.files, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))

    def type_errors(self) -> list[str]:
        return []


FOR_EVERYBODY = {
    "inventory": {
        "functions/movements.ts": 'export const access = "everyone";\n',
        "functions/products.ts": "// access: everyone\n",
    },
    "fastapi-react": {"api/main.py": "# access: everyone\n"},
    "serverless": {"functions/tasks.ts": 'export const access = "everyone";\n'},
}
"""What an app says whose functions are meant for everybody."""

DEMOS = ("crm-contacts", "dashboard", "inventory", "task-board", "task-board-dark-search", "trip-expenses")
TEMPLATES = ("fastapi-react", "nextjs", "panel", "react-vite", "serverless", "static", "streamlit", "vue-vite")


@pytest.mark.parametrize("name", [*DEMOS, *TEMPLATES])
def test_nothing_is_said_of_the_demos_and_templates(name: str, tmp_path: Path) -> None:
    recording = load(SHIPPED / name) if name in DEMOS else None
    app = Unbuilt(tmp_path / "files", recording.template if recording else name)
    if recording:
        app.play(recording)
    for path, head in FOR_EVERYBODY.get(name, {}).items():
        file = app.folder / path
        file.write_text(head + file.read_text())
    one = release(tmp_path, app.folder, app.folder, kind="server")
    assert told(seen(one)) == []


@pytest.mark.parametrize("name", [pytest.param("dashboard", marks=pytest.mark.walk), "crm-contacts"])
def test_nothing_is_said_of_what_was_built(name: str, tmp_path: Path) -> None:
    """A page with charts, minified with its packages; functions with their database and accounts."""
    recording = load(SHIPPED / name)
    app = TemplateApp(tmp_path / "files", recording.template)
    app.play(recording)
    vite = ["node", "node_modules/vite/bin/vite.js", "build", "--configLoader", "runner", "--base", "./"]
    command = vite if recording.template == "react-vite" else ["node", str(app.template.runtime / "build.mjs")]
    subprocess.run(command, cwd=app.folder, env=app.environment, check=True, capture_output=True, timeout=120)
    built = tmp_path / "built"
    shutil.copytree(app.folder / "dist", built)
    shutil.rmtree(app.folder / "dist")
    (app.folder / "node_modules").unlink()
    one = release(tmp_path, app.folder, built, kind="static" if command == vite else "server")
    assert sum(file.stat().st_size for file in built.rglob("*")) > 20_000
    assert told(seen(one)) == []


PICTURE = base64.b64encode(random.Random(1).randbytes(40_000)).decode()
ANON = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded({'iss': 'supabase', 'role': 'anon'})}.{made('', 43)}"
ODD: Files = {
    ".env.example": "OPENAI_API_KEY=\nSTRIPE_SECRET_KEY=sk_live_your_key_here\nDATABASE_URL=postgresql://user:password@localhost/app\n",
    "README.md": "Ask ada@example.com, bo@example.org, cy@acme.com, di@company.com, ed@email.com or flo@test.com.\n"
    "Set `OPENAI_API_KEY=sk-...`, pay with 4242 4242 4242 4242 or 5555 5555 5555 4444, and see "
    "https://docs.python.org. An IBAN looks like DE89 3704 0044 0532 0130 00.\n"
    "curl -H 'Authorization: Bearer YOUR_TOKEN' https://api.openai.com/v1\n",
    "package-lock.json": json.dumps(
        {
            "packages": {
                f"node_modules/token-{n}": {
                    "resolved": f"https://packages.example.org/token-{n}/-/token-{n}-1.0.0.tgz",
                    "integrity": "sha512-" + base64.b64encode(random.Random(n).randbytes(64)).decode(),
                }
                for n in range(40)
            }
        },
        indent=1,
    ),
    "src/ids.ts": "export const ids = {\n"
    + "".join(f"  '{UUID(int=random.Random(n).getrandbits(128))}': {n},\n" for n in range(30))
    + f"  sha256: '{made('', 64, HEX)}',\n  checksum: '{made('', 40, HEX)}',\n  etag: '{made('', 32, HEX)}',\n}};\n",
    "src/words.ts": """\
export const de = {
  password: "Passwort",
  passwordPlaceholder: "Mindestens 8 Zeichen, 1 Zahl",
  token_expired: "Ihre Sitzung ist abgelaufen",
  apiKeyLabel: "API-Schlüssel eingeben",
  forgotPassword: "Passwort vergessen?",
};
export const STORAGE_KEY = "task-board-state-v2-2026";
export const TOKEN_KEY = "auth-token-storage-2026";
localStorage.setItem("session-key-name-v1", "value");
const secret = env.SESSION_SECRET, key = process.env.API_KEY ?? "", token = await getToken("user-token-2");
const cacheKey = "users:list:page-1:sort-name-2026", csrfToken = document.querySelector("meta[name=csrf-token]");
type Props = { token: string; password?: string; secretName: "openai-api-key-production" };
const publishable = "pk_live_abcDEF123456abcDEF123456", anon = "ANON";
""".replace("ANON", ANON),
    "src/colours.ts": "export const palette = ["
    + ", ".join(f'"#{made("", 6, HEX, n)}"' for n in range(300))
    + "];\nexport const path = 'M12 2C6.48 2 2 6.48 2 12s4.48 10 10 10 10-4.48 10-10S17.52 2 12 2z';\n",
    "src/picture.ts": f"export const logo = 'data:image/png;base64,{PICTURE}';\n",
    "src/numbers.ts": "export const numbers = ["
    + ", ".join(str(random.Random(n).randrange(10**12, 10**17)) for n in range(2000))
    + ", 9007199254740991, 1764531234567, 0.1234567890123456, 3.141592653589793];\n",
    "src/page.tsx": """\
/*! Copyright (c) Ada <ada@web.de>, (c) Bo <bo@gmx.de>, @author Cy <cy@posteo.de>
 * @license Di <di@arcor.de>, (c) E <e@t-online.de> */
// See https://react.dev/errors/418 and https://github.com/a/b
export const Page = () => (
  <svg xmlns="http://www.w3.org/2000/svg" xmlnsXlink="http://www.w3.org/1999/xlink">
    <a href="https://en.wikipedia.org/wiki/Bird">Birds</a>
    <a href="mailto:hello@studio.de">Write</a>
    <link rel="canonical" href="https://birds.de/" />
    <img src="./bird.png" />
  </svg>
);
fetch("/api/birds"); fetch(`${base}/x`); new URL("https://a.de"); window.open("https://b.de", "_blank");
const help = "https://docs.birds.de"; const local = fetch("http://localhost:8000/x");
throw new Error("Minified React error; visit https://react.dev/errors/ for the full message");
""",
    "src/theme.css": "@import './base.css';\n.a{background:url('./a.png')}\n"
    ".b{background:url(data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg'/>)}\n",
    "index.html": "<!doctype html>\n<html><head><meta property='og:image' content='https://birds.de/a.png'>"
    "<script type=module src='./src/main.ts'></script></head><body><a href='https://birds.de'>Birds</a></body></html>\n",
    "data/birds.csv": "ring,species,seen,lat,lon,observer\n"
    + "".join(
        f"{1000000 + n},Parus {n % 7},2026-05-{n % 28 + 1:02},{48 + n / 1000:.4f},{11 + n / 900:.4f},station {n % 9}\n"
        for n in range(400)
    ),
    "data/orders.json": json.dumps(
        [
            {
                "id": 4_539_578_763_000_000 + n,
                "isbn": f"978-3-16-{148410 + n}-0",
                "sku": f"AB-{n:04}-X",
                "ip": f"192.168.0.{n % 250}",
                "at": f"2026-01-{n % 28 + 1:02}T10:00:00Z",
                "email": f"user{n}@example.com",
                "phone": f"+1 202 555 01{n % 100:02}",
            }
            for n in range(200)
        ]
    ),
    "api/main.py": """\
from fastapi import Depends, FastAPI

from .auth import current_user

app = FastAPI(dependencies=[Depends(current_user)])


@app.post("/api/notes")
def add(text: str) -> None: ...


@app.get("/health")
def health() -> str:
    return "ok"
""",
    "functions/mine.ts": """\
export const access = "user";
export async function POST(request: Request, { db }: Context) {
  db.run("INSERT INTO notes (text) VALUES (?)", await request.text());
}
""",
    "functions/ask.ts": """\
export async function POST(request: Request, context: Context) {
  const { auth, env } = context;
  auth.need();
  return fetch(env.SERVICE_URL, { headers: { Authorization: `Bearer ${env.SERVICE_KEY}` } });
}
""",
    "functions/_shared.ts": 'export function POST() { db.run("DELETE FROM notes") }\n',
    "functions/mine_only.sql": "SELECT * FROM notes WHERE owner = :user\n",
    "cert/ca.pem": "-----BEGIN CERTIFICATE-----\n" + made("", 400) + "\n-----END CERTIFICATE-----\n",
    "assets/font.woff2": random.Random(3).randbytes(200_000),
    "assets/app.js": "a()\n//# sourceMappingURL=app.js.map",
    "notebook.ipynb": json.dumps(
        {
            "cells": [
                {
                    "source": ["import os\n", "key = os.environ['API_KEY']"],
                    "outputs": [{"data": {"image/png": PICTURE, "text/plain": ["0.123"]}}],
                }
            ]
        },
        indent=1,
    ),
}


def test_nothing_is_said_of_what_only_looks_like_a_leak(tmp_path: Path) -> None:
    findings = seen(release(tmp_path, ODD, {path: content for path, content in ODD.items() if not never_tracked(path)}))
    assert [f"{one.path}:{one.line} {one.message} {one.excerpt}" for one in findings] == []


def test_random_texts_without_a_name_are_no_secrets(tmp_path: Path) -> None:
    lines = [f"x{n} = '{made('', 20 + n % 60, WORD if n % 2 else HEX, n)}';" for n in range(5000)]
    assert told(seen(release(tmp_path, {"src/a.js": "\n".join(lines)}))) == []
