"""Leaks as people have reported them of apps that were made by a model, and as they hide."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from .releases import Files, made, release, seen, told
from .test_leaks import MAP, encoded, sqlite

GROQ = made("gsk_", 52)
STRIPE = made("sk_live_", 32)
PRETTY = base64.urlsafe_b64encode(json.dumps({"role": "service_role"}, indent=1).encode()).decode().rstrip("=")

FOUND: dict[str, tuple[Files, str]] = {
    "a name by which the build writes a secret into the page": (
        {"lib/a.tsx": "\nconst key = process.env.NEXT_PUBLIC_SUPABASE_SERVICE_ROLE_KEY ?? '';\n"},
        "secret lib/a.tsx:2",
    ),
    "a model's key, by such a name": ({"src/ai.js": "ask(import.meta.env.VITE_OPENAI_API_KEY)"}, "secret src/ai.js:1"),
    "a service's token whose claims are in several lines": (
        {"src/db.ts": f"export const a = '{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{PRETTY}.{made('', 43)}'"},
        "secret src/db.ts:1",
    ),
    "settings of production beside the page": (
        {"public/.env.production": f"KEY={GROQ}\n"},
        "secret public/.env.production:1",
    ),
    "a key in a comment of the page": ({"index.html": f"<p>\n<!-- {GROQ} -->"}, "secret index.html:2"),
    "a key in a picture's text": (
        {"a.png": b"\x89PNG\r\n\x1a\n\0\0\0\x0dtEXtkey\0" + GROQ.encode() + bytes(40)},
        "secret a.png:3",
    ),
    "a key in UTF-16 without a mark": ({"a.bin": f"key={GROQ}".encode("utf-16-le")}, "secret a.bin:1"),
    "a function that is exported by another name": (
        {"functions/a.ts": "const handle = (request: Request) => 1;\nexport { handle as POST };\n"},
        "open_function functions/a.ts:2",
    ),
    "a script that is made as the page runs": (
        {"a.js": "const s = document.createElement('script');\ns.setAttribute('src', 'HTTPS://evil.io/a.js')"},
        "other_host a.js:2",
    ),
    "an address with slashes that are escaped": ({"a.js": '\nfetch("https:\\/\\/evil.io\\/a")'}, "other_host a.js:2"),
    "an address without a scheme": ({"index.html": '<img\nsrc="//evil.io/a.gif">'}, "other_host index.html:2"),
    "a source map in the code, without base64": (
        {"dist/a.js": f"a()\n//# sourceMappingURL=data:application/json,{quote(json.dumps(MAP))}"},
        "source_map dist/a.js:2",
    ),
    "a source map by another name": ({"dist/a.json": json.dumps(MAP)}, "source_map dist/a.json:1"),
    "rows that are in a database's log": (
        {"data/app.db-wal": b"\x37\x7f\x06\x82" + bytes(5000)},
        "not_looked_at data/app.db-wal:0",
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_leak_that_hides_is_found(name: str, tmp_path: Path) -> None:
    files, finds = FOUND[name]
    built = finds.startswith("source_map")
    one = release(tmp_path, {} if built else files, files if built else {}, kind="static")
    assert told(seen(one)) == [finds]


def test_no_excerpt_shows_another_secret_beside_it(tmp_path: Path) -> None:
    card = sqlite(people=("mail TEXT", [(f"a{n}@web.de",) for n in range(5)]))
    line = f'x={{a:"{STRIPE}",b:"{GROQ}",password:"sommer-2026!"}};fetch("https://api.weather.io/?key={GROQ}")'
    app: Files = {
        "a.js": line,
        "functions/a.ts": f'export function POST(r: Request) {{ pay("{STRIPE}"); }}\n',
        "data/app.db": card,
    }
    findings = seen(release(tmp_path, app))
    assert len(findings) >= 6
    text = json.dumps([[one.message, one.excerpt, one.hint, one.id] for one in findings])
    for value in (STRIPE, GROQ, "sommer-2026!", "a0@web.de"):
        for start in range(len(value) - 5):
            assert value[start : start + 6] not in text, text


def test_routes_that_ask_where_they_are_taken_in_are_not_open(tmp_path: Path) -> None:
    routes = (
        "from fastapi import APIRouter\n\nrouter = APIRouter()\n\n\n"
        "@router.post('/notes')\ndef add(text: str) -> None: ...\n"
    )
    main = (
        "from fastapi import Depends, FastAPI\n\nfrom . import notes\n\n"
        "app = FastAPI()\napp.include_router(notes.router{})\n"
    )
    asking = {"api/notes.py": routes, "api/main.py": main.format(", dependencies=[Depends(current_user)]")}
    assert told(seen(release(tmp_path / "1", asking))) == []
    one = release(tmp_path / "2", {"api/notes.py": routes, "api/main.py": main.format("")})
    assert told(seen(one)) == ["open_function api/notes.py:6"]


def test_names_that_turn_a_terminal_are_told_in_a_line(tmp_path: Path) -> None:
    name = "a\x1b[31m\n\u202e.js"
    (finding,) = seen(release(tmp_path, {name: f"k('{GROQ}')"}))
    assert finding.path == name
    assert finding.message.isprintable()
    assert finding.excerpt.isprintable()
