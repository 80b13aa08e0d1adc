"""Another language, right to left, less motion, a finger, a screen reader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from building import call, write
from model_server import ModelServer, model_server_in_thread
from playwright.sync_api import Browser, Page, expect

from .conftest import visit
from .lab import Lab
from .panel import LONG, Panel, violations

PAGE = """\
<!doctype html>
<html lang="de"><head><title>Seite</title></head><body><main><h1>Hallo</h1></main></body></html>
"""

OUTSIDE = """() => {
  const panel = document.querySelector('#jp-appbuilder-panel');
  const { left, right } = panel.getBoundingClientRect();
  return [...panel.querySelectorAll('*')]
    .filter(one => one.checkVisibility() && !one.closest('pre, table, svg, .jp-AppBuilder-hidden'))
    .map(one => [one, one.getBoundingClientRect()])
    .filter(([, box]) => box.width > 2 && (box.left < left - 1 || box.right > right + 1))
    .map(([one]) => `${one.className} ${one.textContent.slice(0, 40)}`);
}"""

SMALL = """least => [...document.querySelectorAll('#jp-appbuilder-panel :is(button, select, summary, input, a[href])')]
  .filter(one => one.checkVisibility() && !one.closest('.jp-AppBuilder-hidden, label'))
  .map(one => [one, one.getBoundingClientRect()])
  .filter(([, box]) => box.height < least || box.width < least)
  .map(([one, box]) => `${one.className} ${one.textContent.slice(0, 30)} ${box.width} x ${box.height}`)"""

LISTEN = """() => {
  window.heard = [];
  const region = document.querySelector('#jp-appbuilder-panel .jp-AppBuilder-hidden[role="status"]');
  new MutationObserver(() => window.heard.push(region.textContent))
    .observe(region, { childList: true, characterData: true, subtree: true });
}"""

MOVING = """() => document.getAnimations()
  .filter(one => one.playState === 'running' && one.effect.target.closest('.jp-AppBuilder'))
  .map(one => one.effect.target.className)"""


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A JupyterLab with packs of two languages. Our German comes from our package; of Hebrew there is one sentence."""
    folder = tmp_path_factory.mktemp("foreign")
    for language in ("de_DE", "he_IL"):
        texts = folder / "packs" / f"pack_{language}" / "locale" / language / "LC_MESSAGES" / "jupyterlab.json"
        texts.parent.mkdir(parents=True)
        head = {"domain": "jupyterlab", "language": language.replace("_", "-"), "version": "1"}
        texts.write_text(json.dumps({"": head | {"plural_forms": "nplurals=2; plural=(n != 1);"}}))
        if language == "he_IL":
            ours = {"": json.loads(texts.read_text())[""] | {"domain": "jupyter_appbuilder"}}
            own = ours | {"The agent is working.": ["הסוכן עובד."]}
            texts.with_name("jupyter_appbuilder.json").write_text(json.dumps(own))
        (folder / "packs" / f"pack_{language}" / "__init__.py").touch()
        about = folder / "packs" / f"pack_{language}-1.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pack_{language}\nVersion: 1\n")
        (about / "entry_points.txt").write_text(f"[jupyterlab.languagepack]\n{language} = pack_{language}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder / "packs"))
        lab = Lab(folder / "lab")
        lab.start()
        yield lab
        lab.stop()


@pytest.fixture
def model(foreign: Lab) -> Iterator[ModelServer]:
    with model_server_in_thread() as server:
        foreign.api("PUT", "providers/custom", {"base_url": server.url, "api_key": "none"})
        yield server


def speak(lab: Lab, language: str) -> None:
    settings = Path(lab.environment["JUPYTERLAB_SETTINGS_DIR"])
    file = settings / "@jupyterlab" / "translation-extension" / "plugin.jupyterlab-settings"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"locale": language}))


def live_regions(page: Page) -> dict[str, set[str]]:
    """Of Chromium's accessibility tree: the roles of what is live, by how."""
    nodes: list[dict[str, Any]] = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    found: dict[str, set[str]] = {}
    for node in nodes:
        for each in node.get("properties", []):
            if each["name"] == "live":
                found.setdefault(each["value"]["value"], set()).add(node["role"]["value"])
    return found


def test_a_turn_in_german_is_read_aloud_and_does_not_move(browser: Browser, foreign: Lab, model: ModelServer) -> None:
    speak(foreign, "de_DE")
    session = foreign.new_session(title="Tafel", model="custom:scripted")
    page = visit(browser, foreign, session["id"], reduced_motion="reduce")
    panel = Panel(page)
    expect(panel.root).to_have_attribute("lang", "de-DE")
    expect(panel.root).to_have_attribute("dir", "ltr")
    model.steps = [
        {"text": "Ich fange an.", "tool_calls": [write("index.html", PAGE)]},
        {"tool_calls": [call("run_command", command="sleep 3")]},
        {"text": "Die **Seite** " + "steht und wartet " * 4 + "hier.", "delay": 0.02},
    ]
    page.evaluate(LISTEN)
    box = panel.root.get_by_role("textbox", name="Ihre Anfrage")
    box.fill("Baue eine Seite")
    box.press("Enter")
    turn = panel.root.get_by_role("log", name="Gespräch").get_by_role("article")
    expect(panel.root.get_by_text("Führt aus")).to_be_visible(timeout=LONG)
    assert page.evaluate(MOVING) == []
    expect(turn.locator("footer")).to_be_visible(timeout=LONG)
    expect(turn.get_by_text("1 Datei geändert")).to_be_visible()
    page.wait_for_function("() => window.heard.at(-1)?.startsWith('Der Agent ist fertig.')", timeout=LONG)

    heard: list[str] = page.evaluate("window.heard")
    assert heard[0] == "Der Agent arbeitet."
    assert "Schrieb index.html." in heard
    assert heard[-1].startswith("Der Agent ist fertig. 1 Datei geändert. Die Seite steht und wartet"), heard[-1]
    assert len(heard) <= 8, heard  # no token by token
    live = live_regions(page)
    assert "status" in live["polite"]
    assert "log" not in live["polite"] | live.get("assertive", set())

    assert page.evaluate(SMALL, 24) == []
    panel.narrow()
    panel.picture("german-narrow")
    assert page.evaluate(OUTSIDE) == []
    assert violations(page, "#jp-appbuilder-panel") == []
    page.context.close()


def test_from_right_to_left_and_with_a_finger(browser: Browser, foreign: Lab, model: ModelServer) -> None:
    speak(foreign, "he_IL")
    session = foreign.new_session(title="לוח", model="custom:scripted")
    model.steps = [
        {"text": "שלום\n\n- אחת\n\n```python\nprint(1)\n```", "tool_calls": [call("list_files")]},
        {"text": "Done."},
    ]
    page = visit(browser, foreign, session["id"], has_touch=True, is_mobile=True)
    panel = Panel(page)
    expect(panel.root).to_have_attribute("dir", "rtl")
    panel.say("שלום")
    panel.finished(1)
    direction = "one => getComputedStyle(one).direction"
    assert panel.conversation.locator("pre").first.evaluate(direction) == "ltr"
    assert panel.conversation.locator("li").first.evaluate(direction) == "rtl"
    header = panel.root.locator("header").first
    back, more = header.get_by_role("button").first, panel.root.get_by_role("button", name="More actions")
    first, last = back.bounding_box(), more.bounding_box()
    assert first
    assert last
    assert first["x"] > last["x"]  # it begins at the right
    assert min(first["width"], first["height"], last["width"], last["height"]) >= 44
    panel.picture("right-to-left")
    assert page.evaluate(OUTSIDE) == []
    page.context.close()
