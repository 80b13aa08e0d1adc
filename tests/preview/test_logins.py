"""Logins as frameworks write them, with cookies that only the server sees: in the preview they outlive a reload."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from building import app_builder
from preview.stage import chromium
from tornado import httpserver, netutil, web

from jupyter_appbuilder.preview import preview_handlers

NEXT = {
    "app/actions.ts": """"use server";
import { cookies } from "next/headers";

export async function signIn(form: FormData): Promise<void> {
  (await cookies()).set("session", String(form.get("name")), { httpOnly: true, path: "/" });
}
""",
    "app/page.tsx": """import { cookies } from "next/headers";

import { signIn } from "./actions";

export default async function Home() {
  const name = (await cookies()).get("session")?.value;
  return (
    <form action={signIn}>
      <h1>{name ? `Signed in as ${name}` : "Please sign in"}</h1>
      <input name="name" defaultValue="Ada" />
      <button>Sign in</button>
    </form>
  );
}
""",
}

FASTAPI = {
    "api/main.py": """from typing import Annotated

from fastapi import Cookie, FastAPI, Response

app = FastAPI()


@app.post("/api/login")
def login(response: Response) -> None:
    response.set_cookie("session", "Ada", httponly=True, secure=True, samesite="strict")


@app.get("/api/me")
def me(session: Annotated[str | None, Cookie()] = None) -> str | None:
    return session
""",
    "src/App.tsx": """import { useEffect, useState } from "react";

const api = import.meta.env.BASE_URL + "api/";

export default function App() {
  const [name, setName] = useState<string | null>();
  const look = async () => setName(await (await fetch(api + "me")).json());
  useEffect(() => void look(), []);
  if (name === undefined) return null;
  return (
    <main>
      <h1>{name ? `Signed in as ${name}` : "Please sign in"}</h1>
      <button onClick={() => void fetch(api + "login", { method: "POST" }).then(look)}>Sign in</button>
    </main>
  );
}
""",
}


@asynccontextmanager
async def running(folder: Path, template: str, files: dict[str, str]) -> AsyncIterator[tuple[Any, str]]:
    """A browser, and the address of the preview of an app with these files."""
    async with app_builder(folder, model="demo:recorded") as builder, chromium() as browser:
        server = httpserver.HTTPServer(web.Application([*preview_handlers("/", builder.previews)]))
        sockets = netutil.bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        session = await builder.create(name="app", template=template)
        await session.ready()
        for name, text in files.items():
            await session.workspace.write(name, text)
        await session.start_preview()
        assert session.app.server.state == "ready", f"{session.app.server.message}\n{session.app.server.log}"
        yield browser, f"http://127.0.0.1:{sockets[0].getsockname()[1]}{session.app.base_path}"
        server.stop()
        await server.close_all_connections()


@pytest.mark.timeout(400)  # the first run installs packages
@pytest.mark.parametrize(
    ("template", "files"), [("fastapi-react", FASTAPI), pytest.param("nextjs", NEXT, marks=pytest.mark.walk)]
)
async def test_a_login_outlives_a_reload_and_is_no_other_browsers(
    template: str, files: dict[str, str], tmp_path: Path
) -> None:
    async with running(tmp_path, template, files) as (browser, url):
        page = await (await browser.new_context()).new_page()
        page.set_default_timeout(60_000)
        await page.goto(url)
        await page.get_by_text("Please sign in").wait_for()
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_text("Signed in as Ada").wait_for()
        await page.reload()
        await page.get_by_text("Signed in as Ada").wait_for()
        assert "Ada" not in await page.evaluate("document.cookie")
        other = await (await browser.new_context()).new_page()
        other.set_default_timeout(60_000)
        await other.goto(url)
        await other.get_by_text("Please sign in").wait_for()
