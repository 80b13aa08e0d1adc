"""Apps of each kind of server, published to a real JupyterHub: behind its proxy, asleep and awake, and anew while they
are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from building import write
from chromium import PATIENCE, launch_options
from model_server import model_server_in_thread
from playwright.sync_api import Page, expect, sync_playwright

from .hub_server import PROXY, Hub, hub, until
from .test_publishing import APPS, homes, model_of, picture, publish, visitor

pytestmark = [
    pytest.mark.hub,
    pytest.mark.walk,
    pytest.mark.skipif(not PROXY.exists(), reason="The Hub's proxy is not installed (make setup)."),
]

LINK = "/services/appbuilder/apps/ada/kept/"
STREAMLIT = """
from pathlib import Path

import streamlit as st

kept = Path("state/kept.txt")
st.title("Kept, first")
if st.button("Add"):
    kept.parent.mkdir(exist_ok=True)
    with kept.open("a") as file:
        file.write("x")
st.write(f"kept {len(kept.read_text()) if kept.exists() else 0}")
"""
PANEL = """
from pathlib import Path

import panel as pn

pn.extension()
kept = Path("state/kept.txt")
number = pn.pane.Markdown()


def show() -> None:
    number.object = f"kept {len(kept.read_text()) if kept.exists() else 0}"


def add(_event: object) -> None:
    kept.parent.mkdir(exist_ok=True)
    with kept.open("a") as file:
        file.write("x")
    show()


show()
pn.Column("# Kept, first", pn.widgets.Button(name="Add", on_click=add), number).servable(title="Kept")
"""
NEXT = """
import { revalidatePath } from "next/cache";
import Link from "next/link";

import { db } from "@/lib/database";

export const dynamic = "force-dynamic";

async function add() {
  "use server";
  db.run("INSERT INTO kept DEFAULT VALUES");
  revalidatePath("/");
}

export default function Home() {
  return (
    <main>
      <h1>Kept, first</h1>
      <form action={add}><button>Add</button></form>
      <p>kept {db.get<{ n: number }>("SELECT count(*) AS n FROM kept")?.n}</p>
      <Link href="/deep/inside">Inside</Link>
    </main>
  );
}
"""
APP = (Path(__file__).parents[2] / "sandbox-templates/fastapi-react/files/src/App.tsx").read_text()
PAGES = {
    "fastapi-react": ("src/App.tsx", APP.replace("Describe your app.", "Kept, first.")),
    "streamlit": ("app.py", STREAMLIT),
    "panel": ("app.py", PANEL),
    "nextjs": ("app/page.tsx", NEXT),
}
MORE = {
    "nextjs": [
        write("app/deep/inside/page.tsx", "export default function Inside() {\n  return <h1>Deep inside</h1>;\n}\n"),
        write("migrations/0001_kept.sql", "CREATE TABLE kept (id INTEGER PRIMARY KEY);\n"),
    ]
}


def add(page: Page, template: str, number: int) -> None:
    """Have the app store one thing more: there are ``number`` then."""
    if template == "fastapi-react":
        for label, value in (("Title", f"Book {number}"), ("Author", "Ada"), ("Pages", "12")):
            page.get_by_label(label, exact=True).fill(value)
    page.get_by_role("button", name="Add", exact=template != "fastapi-react").click()
    stored(page, template, number)


def stored(page: Page, template: str, number: int) -> None:
    text = f"Book {number}" if template == "fastapi-react" else f"kept {number}"
    expect(page.get_by_text(text, exact=True)).to_be_visible()


def turn(found: Hub, session: str, number: int) -> str:
    """Wait for the turn's end; the version that it made."""

    def last() -> dict[str, Any]:
        return found.sessions(f"/{session}")["turn"] or {}

    until(lambda: last().get("turn") == f"t{number}" and bool(last().get("reason")), 300)
    return found.sessions(f"/{session}/checkpoints")[0]["id"]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("template", PAGES)
def test_a_server_wakes_keeps_its_data_and_changes_while_it_is_read(tmp_path: Path, template: str) -> None:
    path, text = PAGES[template]
    steps = [
        {"tool_calls": [write(path, text), *MORE.get(template, [])]},
        {"text": "It is there."},
        {"tool_calls": [write(path, text.replace(", first", ", second"))]},
        {"text": "It is changed."},
    ]
    with (
        model_server_in_thread(steps) as model,
        hub(tmp_path, homes(tmp_path, "ada") | model_of(model), cull_seconds=600, apps=APPS) as found,
        sync_playwright() as playwright,
    ):
        for user in ("ada", "bob"):
            found.ask("POST", f"/hub/api/users/{user}")
        found.start()
        body = {"prompt": "Keep", "name": "kept", "template": template, "model": "openai:scripted"}
        session = found.sessions(method="POST", json=body)["id"]
        settings = {"readers": "people", "users": "bob"}
        status = publish(found, session, "kept", turn(found, session, 1), **settings)
        assert status["state"] == "done", status

        browser = playwright.chromium.launch(**launch_options())
        bob = visitor(browser, found, "bob", LINK)
        problems: list[str] = []
        bob.on("response", lambda got: problems.append(f"{got.status} {got.url}") if got.status >= 400 else None)
        bob.on("pageerror", lambda error: problems.append(str(error)))
        expect(bob.get_by_role("heading", name="Kept, first")).to_be_visible(timeout=4 * PATIENCE)
        add(bob, template, 1)
        if template == "nextjs":
            bob.get_by_role("link", name="Inside").click()
            for _ in range(2):
                expect(bob.get_by_role("heading", name="Deep inside")).to_be_visible()
                bob.goto(f"{found.url}{LINK}deep/inside")
            bob.goto(found.url + LINK)
        add(bob, template, 2)
        picture(bob, f"{template}-first")
        assert problems == []

        # Asleep, and woken by a visit, with what was stored.
        found.ask("DELETE", "/hub/api/users/ada/servers/app-kept")
        until(lambda: not found.server("ada", "app-kept")["ready"], 60)
        bob.goto(found.url + LINK)
        expect(bob.get_by_role("heading", name="Kept, first")).to_be_visible(timeout=6 * PATIENCE)
        stored(bob, template, 2)

        # A new release while somebody reads: loaded again it is that one, with the same data.
        found.sessions(f"/{session}/messages", "POST", json={"text": "Change it"})
        status = publish(found, session, "kept", turn(found, session, 2), **settings)
        assert status["state"] == "done", status
        taken(bob, "Kept, second")
        stored(bob, template, 2)
        add(bob, template, 3)
        picture(bob, f"{template}-second")

        found.sessions(f"/{session}/publications/hub/rollback", "POST", json={"number": 1})
        [publication] = found.sessions(f"/{session}/publishing")["publications"]
        assert publication["live"] == 1
        taken(bob, "Kept, first")
        stored(bob, template, 3)
        browser.close()


def taken(page: Page, name: str) -> None:
    """Load it until the release is the one with this heading."""

    def is_there() -> bool:
        page.reload()
        page.get_by_role("heading").first.wait_for(timeout=2 * PATIENCE)
        return page.get_by_role("heading", name=name).is_visible()

    until(is_there, 120)
