"""An app is published from the panel: seen through, let through with a reason, opened, rolled back, taken down."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, violations
from .test_accessibility import PANEL, wear

KEY_IN_SOURCE = "const key = 'sk-proj-Zk3vQ81LmT0pXy7RbNc5WdEf9GhJk2'; // of a test account\n"


def write(lab: Lab, id: str, path: str, content: str) -> None:
    lab.api("POST", f"sessions/{id}/tools/write_file", {"arguments": {"path": path, "content": content}})


def page_of(word: str) -> str:
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>App</title>"
        f"<main><h1>{word} page</h1></main><script src='key.js'></script></html>\n"
    )


def test_an_app_is_published_rolled_back_and_taken_down(lab: Lab, open_lab: OpenLab) -> None:
    made: dict[str, Any] = lab.new_session(title="Chess club", template="static")
    id = made["id"]
    write(lab, id, "index.html", page_of("First"))
    write(lab, id, "key.js", KEY_IN_SOURCE)
    panel = open_lab(id)
    page, root = panel.page, panel.root
    panel.menu("Publish")
    publishing = root.get_by_role("region", name="Publish", exact=True)
    expect(publishing.get_by_text("So far you alone see this app")).to_be_visible(timeout=LONG)
    expect(publishing.get_by_role("radio", name=re.compile("^This server"))).to_be_checked()
    name = publishing.get_by_role("textbox", name="Name")
    name.fill("Chess Club!")
    expect(name).to_have_value("chess-club")
    expect(publishing.get_by_text(f"{lab.url}appbuilder/apps/chess-club/")).to_be_visible()
    panel.picture("publish-light")
    assert violations(page, PANEL) == []
    panel.narrow()
    panel.picture("publish-narrow")
    panel.widen(420)

    publishing.get_by_role("button", name="Publish", exact=True).click()
    expect(publishing.get_by_role("list", name="Steps")).to_be_visible(timeout=LONG)
    panel.picture("publish-running")
    findings = publishing.get_by_role("region", name=re.compile("to look at before readers get it"))
    expect(findings).to_be_visible(timeout=LONG)
    # What waits is there again for who comes back.
    page.reload()
    root.get_by_role("button", name="Publishing waits for you").click(timeout=LONG)
    expect(findings).to_be_visible(timeout=LONG)
    panel.picture("publish-found-light")
    assert violations(page, PANEL) == []
    wear(page, "JupyterLab Dark")
    panel.picture("publish-found-dark")
    assert violations(page, PANEL) == []
    wear(page, "JupyterLab Light")
    findings.get_by_role("button", name="Publish anyway…").click()
    page.keyboard.type("The key is of a test account")
    panel.picture("publish-anyway")
    findings.get_by_role("button", name="Publish anyway", exact=True).click()
    expect(publishing.get_by_role("heading", name="“chess-club” is published: release 1")).to_be_visible(timeout=LONG)
    panel.picture("publish-done")
    assert violations(page, PANEL) == []
    with page.context.expect_page() as opened:
        publishing.get_by_role("link", name="Open the published app").first.click()
    reader = opened.value
    expect(reader.get_by_role("heading", name="First page")).to_be_visible(timeout=LONG)

    # The draft goes on; readers get what was published, until that is done again.
    publishing.get_by_role("button", name="Dismiss").click()
    write(lab, id, "index.html", page_of("Second"))
    expect(publishing.get_by_text("The draft has changed since")).to_be_visible(timeout=LONG)
    reader.reload()
    expect(reader.get_by_role("heading", name="First page")).to_be_visible(timeout=LONG)
    publishing.get_by_role("button", name="Publish again").click()
    # What was let through is not asked again.
    expect(publishing.get_by_role("heading", name="“chess-club” is published: release 2")).to_be_visible(timeout=LONG)
    reader.reload()
    expect(reader.get_by_role("heading", name="Second page")).to_be_visible(timeout=LONG)
    publishing.get_by_role("button", name="Back", exact=True).click()
    panel.picture("published-chip")
    assert violations(page, PANEL) == []

    def chip(version: int, entry: str) -> None:
        root.get_by_role("button", name=f"Published: release {version}").click()
        page.get_by_role("menuitem", name=entry).click()

    chip(2, "Roll back…")
    publication = publishing.get_by_role("region", name=re.compile("^This server"))
    expect(publication.get_by_role("img", name=re.compile("visit"))).to_be_visible(timeout=LONG)
    expect(publication.get_by_text("The key is of a test account").first).to_be_visible()
    expect(publication.get_by_role("button", name="Cancel")).to_be_focused()
    panel.picture("publish-back")
    assert violations(page, PANEL) == []
    publication.get_by_role("button", name="Roll back", exact=True).click()
    expect(publication.get_by_role("heading", name=re.compile("release 1"))).to_be_visible(timeout=LONG)
    reader.reload()
    expect(reader.get_by_role("heading", name="First page")).to_be_visible(timeout=LONG)

    page.evaluate("window.jupyterapp.commands.execute('appbuilder:home').then(() => null)")
    apps = page.locator(".jp-AppBuilder-appsWidget")
    expect(apps.get_by_text("published", exact=True).first).to_be_visible(timeout=LONG)
    panel.picture("published-apps")
    publishing.get_by_role("button", name="Back", exact=True).click()
    chip(1, "Unpublish…")
    publication.get_by_role("button", name="Unpublish", exact=True).click()
    expect(publishing.get_by_text("So far you alone see this app")).to_be_visible(timeout=LONG)
    reader.reload()
    expect(reader.get_by_role("heading", name="First page")).to_have_count(0)
    panel.picture("unpublished")
