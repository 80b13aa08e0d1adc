"""A look at an app for somebody else: the conversation as a file, a picture, a short animation that can be given up."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, SHOTS, command, violations
from .test_accessibility import PANEL

PAGE = """<!doctype html><html lang="en"><title>Tasks</title><h1>Tasks</h1><ul></ul><button>Add</button><script>
document.querySelector("button").onclick = () => document.querySelector("ul").append("Milk, ");
</script></html>
"""
STEPS = "".join("  - {do: click, role: button, name: Add}\n" for _ in range(12))
MEDIA = {"png": b"\x89PNG", "webp": b"RIFF"}


def test_the_conversation_and_pictures_of_the_app_are_saved(lab: Lab, open_lab: OpenLab) -> None:
    id = lab.new_session(title="Share a look")["id"]
    for path, content in (("index.html", PAGE), ("scenarios/add.yaml", f"title: Tasks can be added\nsteps:\n{STEPS}")):
        lab.api("POST", f"sessions/{id}/tools/write_file", {"arguments": {"path": path, "content": content}})
    panel = open_lab(id)
    panel.say("a clock")
    panel.finished(1)
    with panel.page.expect_download() as saved:
        panel.menu("Save as HTML")
    assert saved.value.suggested_filename.endswith(".html")
    text = Path(saved.value.path()).read_text()
    assert "a clock" in text
    assert "<script" not in text

    panel.menu("Save an animation of the app")
    cancel = panel.root.get_by_role("button", name="Cancel", exact=True)
    expect(cancel).to_be_visible(timeout=LONG)
    expect(panel.root.get_by_text("Filming")).to_be_visible(timeout=LONG)
    panel.narrow()
    panel.picture("filming-narrow")
    expect(cancel).to_be_in_viewport()
    assert violations(panel.page, PANEL) == []
    cancel.click()
    expect(cancel).to_be_hidden(timeout=LONG)
    expect(panel.root.get_by_role("alert")).to_have_count(0)
    for entry, kind in (("Save a picture of the app", "png"), ("Save an animation of the app", "webp")):
        with panel.page.expect_download(timeout=LONG) as taken:
            panel.menu(entry)
        assert taken.value.suggested_filename.endswith(f".{kind}")
        assert Path(taken.value.path()).read_bytes().startswith(MEDIA[kind])

    # A link to the session, in the language of the panel: here for whoever may use this server.
    panel.widen(400)
    panel.menu("Share a look")
    expect(panel.root.get_by_text("There is no link yet")).to_be_visible()
    panel.root.get_by_role("combobox", name="Good for").select_option("7")
    panel.root.get_by_role("button", name="Make a link").click()
    link = panel.root.get_by_role("list", name="Links").get_by_role("link").first
    expect(link).to_be_in_viewport()
    command(panel.page, "apputils:change-theme", {"theme": "JupyterLab Dark"})
    for width in (700, 250, 400):
        panel.widen(width)
        panel.picture(f"look-here-dark-{width}")
    assert violations(panel.page, PANEL) == []
    with panel.page.expect_popup() as opened:
        link.click()
    look = opened.value
    expect(look.get_by_text("a clock", exact=True)).to_be_visible()
    look.emulate_media(color_scheme="dark")
    look.set_viewport_size({"width": 320, "height": 640})
    if SHOTS:
        look.screenshot(path=f"{SHOTS}/look-page-dark.png")
