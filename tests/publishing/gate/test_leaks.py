"""Thirty leaks, each as apps have them, each found with its file and line; none of them told."""

from __future__ import annotations

import base64
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from .releases import HEX, Files, git, made, release, seen, told

OPENAI = made("sk-proj-", 120, seed=1)
STRIPE = made("sk_live_", 32)
AWS = made("AKIA", 16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
GITHUB = made("ghp_", 36)
PEM = (
    "-----BEGIN PRIVATE KEY-----\n"
    + "\n".join(made("", 64, seed=n) for n in range(12))
    + "\n-----END PRIVATE KEY-----\n"
)
PASSWORD = made("", 20)


def encoded(data: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


JWT = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded({'role': 'service_role', 'iss': 'supabase'})}.{made('', 43)}"
PEOPLE = [
    f"{name}.{n}@{host}"
    for n, (name, host) in enumerate([("ada", "gmx.de"), ("bo", "uni-bonn.de"), ("cy", "orange.fr")] * 4)
]
PHONES = [f"+49 30 {n}7654{n}2" for n in range(10, 30)]
REACT = "!function(){" + "var a=1;function b(e){return e?a:b(!e)}" * 400 + "}();"


def luhn(head: str) -> str:
    """A card's number: ``head`` and its check digit."""
    total = sum(sum(divmod(int(sign) * (2 if place % 2 == 0 else 1), 10)) for place, sign in enumerate(reversed(head)))
    return head + str(-total % 10)


CARDS = [luhn(f"4539578763{n:05}") for n in range(101, 113)]


def sqlite(**tables: tuple[str, list[tuple[object, ...]]]) -> bytes:
    connection = sqlite3.connect(":memory:")
    for name, (columns, rows) in tables.items():
        connection.execute(f"CREATE TABLE {name} ({columns})")
        marks = ", ".join("?" * (columns.count(",") + 1))
        connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
    connection.commit()
    return connection.serialize()


def parquet(**columns: list[object]) -> bytes:
    to = io.BytesIO()
    pq.write_table(pa.table(columns), to)
    return to.getvalue()


@dataclass
class Leak:
    app: Files = field(default_factory=dict)
    bundle: Files = field(default_factory=dict)
    finds: str = ""
    hides: str = ""  # never stands in what is told
    known: dict[str, Any] = field(default_factory=dict)
    kind: Any = "static"
    then: Callable[[Path, Any], Any] = lambda path, one: one


NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "source": ["import os\n", "print(os.environ)"],
            "outputs": [
                {
                    "output_type": "stream",
                    "text": [f"environ({{'ANTHROPIC_API_KEY': '{made('sk-ant-api03-', 95)}'}})\n"],
                }
            ],
        }
    ]
}
MAP = {"version": 3, "sources": ["../src/App.tsx"], "sourcesContent": ["export const App = 1;"], "mappings": "AAAA"}


def with_history(tmp_path: Path, one: Any) -> Any:
    """The key was in the first version, and is in none of the files now."""
    git(one.files, "init", "-q")
    (one.files / "config.ts").write_text(f"// settings\nexport const key = '{GITHUB}';\n")
    git(one.files, "add", "-A")
    git(one.files, "commit", "-qm", "first")
    (one.files / "config.ts").write_text("// settings\nexport const key = load();\n")
    git(one.files, "commit", "-qam", "second")
    (one.files / ".git").rename(tmp_path / ".git")
    return replace(one, history=tmp_path / ".git")


ROUTE = """\
from fastapi import FastAPI

from . import accounts, store
from .database import Database

app = FastAPI()
app.include_router(accounts.router)


@app.get("/api/notes")
def notes(db: Database, user: accounts.SignedIn) -> list[str]:
    return store.notes(db, user.id)


@app.delete("/api/notes/{number}")
def delete_note(number: int, db: Database) -> None:
    store.delete(db, number)
"""

LEAKS = {
    "a key in a minified bundle": Leak(
        bundle={"assets/index-B3xQ9zLa.js": f'{REACT}\nconst K="{OPENAI}";fetch("/x",{{headers:{{a:K}}}})'},
        finds="secret assets/index-B3xQ9zLa.js:2",
        hides=OPENAI,
    ),
    "a key in the sources and in what was built of them is told once, where it can be mended": Leak(
        app={"src/pay.ts": f"// pay\nexport const pay = () => charge('{STRIPE}');\n"},
        bundle={"assets/a.js": f'{REACT}x("{STRIPE}")'},
        finds="secret src/pay.ts:2",
        hides=STRIPE,
    ),
    ".env in public/": Leak(
        bundle={".env": f"# settings\nVITE_TITLE=Board\nDATABASE_PASSWORD={PASSWORD}\n"},
        finds="secret .env:3",
        hides=PASSWORD,
    ),
    ".env without a known key": Leak(bundle={"config/.env": "\nREGION=eu-central-1\n"}, finds="secret config/.env:2"),
    ".env that Windows wrote": Leak(
        bundle={"app.env": b"\xff\xfe" + f"A=1\r\nAWS={AWS}\r\n".encode("utf-16-le")},
        finds="secret app.env:2",
        hides=AWS,
    ),
    "a key only in the history": Leak(
        app={"index.html": "<p>hi"}, finds="secret config.ts:2", hides=GITHUB, then=with_history
    ),
    "a key in a notebook's output": Leak(
        app={"analysis.ipynb": json.dumps(NOTEBOOK, indent=1)},
        finds="secret analysis.ipynb:13",
        hides=made("sk-ant-api03-", 95),
    ),
    "a key in base64": Leak(
        app={"src/a.js": f"\n\nconst k = atob('{base64.b64encode(STRIPE.encode()).decode()}');"},
        finds="secret src/a.js:3",
        hides=STRIPE,
    ),
    "a key in two pieces": Leak(
        app={"src/a.ts": f"export const a = 1;\nconst k = '{OPENAI[:30]}' +\n  '{OPENAI[30:]}';\n"},
        finds="secret src/a.ts:2",
        hides=OPENAI[30:],
    ),
    "a key in an array's pieces": Leak(
        app={"a.js": f"let k=[\"{AWS[:6]}\", '{AWS[6:12]}', \"{AWS[12:]}\"].join('')"},
        finds="secret a.js:1",
        hides=AWS[6:12],
    ),
    "a key in escapes": Leak(
        app={"a.js": "let a;\nlet k='" + "".join(f"\\x{ord(sign):02x}" for sign in AWS) + "'"}, finds="secret a.js:2"
    ),
    "a service account": Leak(
        app={
            "server/account.json": json.dumps(
                {"type": "service_account", "project_id": "p", "private_key": PEM}, indent=2
            )
        },
        finds="secret server/account.json:4",
        hides=PEM[30:90],
    ),
    "a private key": Leak(app={"cert/server.txt": f"# key\n{PEM}"}, finds="secret cert/server.txt:2", hides=PEM[30:90]),
    "an address with a password": Leak(
        app={"api/db.py": f'\nURL = "postgresql://shop:{PASSWORD}@db.shop.io:5432/shop"\n'},
        finds="secret api/db.py:2",
        hides=PASSWORD,
    ),
    "a token that is signed": Leak(bundle={"a.js": f'createClient("/x","{JWT}")'}, finds="secret a.js:1", hides=JWT),
    "a password in a call": Leak(
        app={"api/mail.py": f"import smtplib\n\nlogin(user='a', password='{PASSWORD}')\n"},
        finds="secret api/mail.py:3",
        hides=PASSWORD,
    ),
    "a token of a header": Leak(
        app={"src/a.ts": f"fetch('/a', {{ headers: {{\n Authorization: `Bearer {made('', 40, HEX)}` }} }})"},
        finds="secret src/a.ts:2",
        hides=made("", 40, HEX),
    ),
    "a secret of the app's, encoded": Leak(
        bundle={"a.js": f"x='{base64.b64encode(b'k: violet-elephant-9 .').decode()}'"},
        finds="secret a.js:1",
        hides="violet-elephant-9",
        known={"secrets": {"PARTNER_KEY": "violet-elephant-9"}},
    ),
    "a key in an archive": Leak(bundle={}, finds="secret backup.zip!/old/key.js:2", hides=GITHUB),
    "a source map beside the code": Leak(
        bundle={"assets/a.js": "a()\n//# sourceMappingURL=a.js.map", "assets/a.js.map": json.dumps(MAP)},
        finds="source_map assets/a.js.map:1",
    ),
    "a source map in the code": Leak(
        bundle={
            "a.js": "a()\n//# sourceMappingURL=data:application/json;base64,"
            + base64.b64encode(json.dumps(MAP).encode()).decode()
        },
        finds="source_map a.js:2",
    ),
    "a script of another host": Leak(
        app={"index.html": "<html>\n<head>\n<script\n  src='https://cdn.jsdelivr.net/npm/vue@3'></script>"},
        finds="other_host index.html:4",
    ),
    "a font of Google's": Leak(
        app={"src/index.css": ":root{}\n@import url('https://fonts.googleapis.com/css2?family=Inter');"},
        finds="other_host src/index.css:2",
    ),
    "a beacon": Leak(
        app={"src/main.ts": "start();\nnavigator.sendBeacon('https://www.google-analytics.com/collect', data);"},
        finds="other_host src/main.ts:2",
    ),
    "a request in minified code": Leak(
        bundle={
            "a.js": REACT
            + 'const q="https://api.openweathermap.org/data/";async function z(e){return fetch(`${q}${e}`)}'
        },
        finds="other_host a.js:1",
    ),
    "a host that was seen": Leak(finds="other_host :0", known={"hosts": ["tiles.openstreetmap.fr"]}),
    "a list of people": Leak(
        app={"data/customers.csv": "id,mail\n" + "".join(f"{n},{one}\n" for n, one in enumerate(PEOPLE))},
        finds="personal_data data/customers.csv:1",
        hides=PEOPLE[0],
    ),
    "telephone numbers in Parquet": Leak(
        bundle={"data/people.parquet": parquet(id=list(range(20)), contact=PHONES)},
        finds="personal_data data/people.parquet:1",
        hides=PHONES[0],
    ),
    "cards in a database": Leak(
        app={"data/app.db": sqlite(orders=("id INTEGER, card TEXT", list(enumerate(CARDS))))},
        kind="server",
        finds="personal_data data/app.db:1",
        hides=CARDS[0],
    ),
    "accounts in a database": Leak(
        app={"data/app.db": sqlite(_users=("id INTEGER, name TEXT", [(1, "ada")]))},
        kind="server",
        finds="personal_data data/app.db:1",
    ),
    "rows that were handed over as private": Leak(
        bundle={"data/salaries.parquet": parquet(amount=[1.5, 2.5])},
        finds="personal_data data/salaries.parquet:1",
        known={"private": ["salaries"]},
    ),
    "rows of a private table in a database": Leak(
        app={"data/app.db": sqlite(salaries=("amount REAL", [(1.5,)]))},
        finds="personal_data data/app.db:1",
        known={"private": ["salaries"]},
    ),
    "people in seeds": Leak(
        app={
            "datasets/rows/people.sql": "-- rows\nINSERT INTO people (id, mail) VALUES\n"
            + ",\n".join(f"({n}, '{one}')" for n, one in enumerate(PEOPLE))
            + ";\n"
        },
        finds="personal_data datasets/rows/people.sql:3",
        hides=PEOPLE[0],
    ),
    "people in a module": Leak(
        app={
            "src/people.ts": "export const people = [\n" + "".join(f"  {{ mail: '{one}' }},\n" for one in PEOPLE) + "];"
        },
        finds="personal_data src/people.ts:2",
        hides=PEOPLE[0],
    ),
    "a function that anybody may call": Leak(
        app={
            "functions/notes.ts": 'import type { Context } from "app";\n\n'
            "export async function POST(request: Request, { db }: Context) {\n"
            '  db.run("INSERT INTO notes (text) VALUES (?)", await request.text());\n}\n'
        },
        finds="open_function functions/notes.ts:3",
        kind="server",
    ),
    "a function that spends the app's key": Leak(
        app={
            "functions/ask.ts": "export async function GET(r: Request, { env }: Context) {\n"
            "  return call(env.OPENAI_API_KEY);\n}\n"
        },
        finds="open_function functions/ask.ts:1",
        kind="server",
    ),
    "a query beside functions that ask": Leak(
        app={
            "functions/mine.ts": 'export const access = "user";\n'
            'export const GET = (r: Request, { db }: Context) => db.all("SELECT 1");\n',
            "functions/all.sql": "SELECT * FROM notes\n",
        },
        finds="open_function functions/all.sql:1",
        kind="server",
    ),
    "a route of FastAPI": Leak(app={"api/main.py": ROUTE}, finds="open_function api/main.py:15", kind="server"),
    "a route of Next.js": Leak(
        app={
            "app/api/notes/route.ts": "import { db } from '@/lib/database';\n\n"
            "export async function DELETE(request: Request) {\n"
            "  db.run('DELETE FROM notes');\n  return new Response();\n}\n"
        },
        finds="open_function app/api/notes/route.ts:3",
        kind="server",
    ),
    "an action of Next.js": Leak(
        app={
            "app/actions.ts": "'use server';\nimport { db } from '@/lib/database';\n\n"
            "export async function clear() {\n  db.run('DELETE FROM notes');\n}\n"
        },
        finds="open_function app/actions.ts:4",
        kind="server",
    ),
    "what axe found": Leak(
        finds="accessibility src/App.tsx:12",
        known={
            "axe": [
                {"kind": "accessibility", "message": "Buttons must have discernible text", "source": "src/App.tsx:12:4"}
            ]
        },
    ),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_found_where_it_is_and_not_told(name: str, tmp_path: Path) -> None:
    leak = LEAKS[name]
    one = leak.then(tmp_path, release(tmp_path, leak.app, leak.bundle, kind=leak.kind, **leak.known))
    if name == "a key in an archive":
        with zipfile.ZipFile(one.bundle.content / "backup.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("old/key.js", f"//\nlet k='{GITHUB}'")
    findings = seen(one)
    assert told(findings) == [leak.finds]
    finding = findings[0]
    text = json.dumps([finding.message, finding.excerpt, finding.hint, finding.path])
    assert not leak.hides or leak.hides not in text
    assert finding.hint
    assert told(seen(one)) == told(findings)
    assert seen(one)[0].id == finding.id
