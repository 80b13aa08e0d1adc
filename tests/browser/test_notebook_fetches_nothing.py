"""JupyterLab shows what a model says, from a session's notebook and below a cell, without a request to anywhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from model_server import ModelServer
from playwright.sync_api import Page, expect

from jupyter_appbuilder.notebook.markdown import APART, restore

from .conftest import OpenLab
from .lab import Lab
from .panel import LONG, Panel, command, wait_for

END = "This is the end of the answer."

HOSTILE = """\
![plain]({at}/inline) ![](<{at}/pointed> "title") ![a
b]( {at}/spaced ) ![by reference][there] ![there] ![][there]

[there]: {at}/reference 'title'

[![in a link]({at}/nested)](https://example.org) \\![escaped]({at}/escaped) &#33;[entity]({at}/entity)

<img src="{at}/img"> <IMG
src={at}/upper-case> <img srcset="{at}/srcset 1x"> <video poster="{at}/poster" src="{at}/video"></video>
<audio src="{at}/audio" autoplay></audio> <picture><source srcset="{at}/source"><img></picture>
<iframe src="{at}/iframe"></iframe> <input type=image src="{at}/input"> <object data="{at}/object"></object>

<div style="background: url({at}/background); width: 9px; height: 9px">.</div>
<p style="list-style-image: url({at}/list-style); display: list-item">.</p>
<style>body {{ background: url({at}/style) }}</style> <link rel="stylesheet" href="{at}/link">
<svg><image href="{at}/svg" width="9" height="9"/></svg> <table background="{at}/table"><td>.</td></table>
<script>fetch("{at}/script")</script> <img src=x onerror="fetch('{at}/onerror')">

<details open><summary>s</summary>

![in html]({at}/in-html)

</details>

| a | ![in a table]({at}/in-table) |
|---|---|
| b | <img src="{at}/img-in-table"> |

- ![in a list]({at}/in-list)

  ```html
  <img src="{at}/in-list-code">
  ```
  <img src="{at}/after-list-code">

> ![in a quote]({at}/in-quote)
> ```
<img src="{at}/after-quoted-fence">

$x$ $\\mmlToken{{mglyph}}[src="{at}/mglyph"]{{}}$ $$\\style{{cursor: url({at}/cursor), auto}}{{X}}$$
\\begin{{equation}}\\bbox[cursor: url({at}/bbox), auto]{{X}}\\end{{equation}} \\\\(\\href{{{at}/href}}{{X}}\\\\)

&#36;&#92;style{{cursor: url({bare}/decoded), auto}}{{X}}&#36; and
&dollar;&bsol;style{{cursor: url({bare}/named), auto}}{{X}}&dollar; and
&#36;\\s&#x74;yle{{cursor: url({bare}/letter), auto}}{{X}}&#36;

$5
```
and $6 <img src="{at}/math-over-a-fence">
```

[a]: https://example.org "title
```
<img src="{at}/title-over-a-fence">
"
```

```mermaid
flowchart LR
  A@{{ img: "{at}/mermaid", label: "x", w: 60, h: 60 }} --> B["<img src='{at}/mermaid-label' width=9>"]
```

~~~ \tmermaid
%%{{init: {{"themeCSS": "* {{ background-image: url({at}/mermaid-style) }}"}}}}%%
flowchart LR
  A --> B
~~~

A [link]({at}/link-that-nobody-clicked) and {at}/bare and <{at}/autolink>

{end}
"""


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """An address elsewhere, and the paths that were asked of it."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def markdown_of(notebook: Path) -> str:
    try:
        cells: list[dict[str, Any]] = json.loads(notebook.read_text())["cells"]
    except (FileNotFoundError, ValueError):
        return ""
    return next(("".join(cell["source"]) for cell in cells if END in "".join(cell["source"])), "")


def open_file(page: Page, path: str) -> None:
    command(page, "docmanager:open", {"path": path})
    expect(page.locator(".jp-NotebookPanel:visible .jp-RenderedMarkdown", has_text=END).first).to_be_attached(
        timeout=LONG
    )
    page.locator(".jp-NotebookPanel:visible .jp-RenderedMarkdown", has_text=END).first.scroll_into_view_if_needed()


def settled(page: Page, at: str, asked: list[str]) -> None:
    """Wait until what the page asked for so far has arrived."""
    page.evaluate("at => fetch(at, { mode: 'no-cors' }).then(() => null)", f"{at}/settled")
    wait_for(lambda: "/settled" in asked, page)
    asked.remove("/settled")


def rendered(page: Page) -> None:
    """Wait until formulas and diagrams, which come later than the text, are there: those of a text that is harmless."""
    page.wait_for_function(
        """() => {
            const all = [...document.querySelectorAll('.jp-NotebookPanel .jp-RenderedMarkdown')];
            return all.some(node => node.textContent.includes('LATER') && node.querySelector('mjx-container'));
        }""",
        timeout=LONG,
    )
    page.wait_for_function(
        "() => document.querySelector('.jp-NotebookPanel img[src^=\"data:image/svg\"]')", timeout=LONG
    )


LATER = "LATER $x^2$\n\n```mermaid\nflowchart LR\n  A --> B\n```\n"


def notebook_of(*cells: dict[str, Any]) -> str:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return json.dumps({"cells": list(cells), "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})


def markdown(id: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": text}


def test_a_hostile_answer_in_a_notebook_asks_nobody_for_anything(
    lab: Lab, model: ModelServer, open_lab: OpenLab, listener: tuple[str, list[str]]
) -> None:
    at, asked = listener
    said = HOSTILE.format(at=at, bare=at.removeprefix("http:"), end=END).rstrip()
    session = lab.new_session(title="Hostile answer", model="custom:scripted")
    model.steps = [{"text": said}]
    lab.api("POST", f"sessions/{session['id']}/messages", {"text": "Say something"})
    notebook = lab.root / session["notebook"]
    wait_for(lambda: bool(markdown_of(notebook)))
    written = markdown_of(notebook)
    assert restore(written).endswith("\n\n" + said)

    panel: Panel = open_lab(session["id"])
    page = panel.page
    (lab.root / "ours.ipynb").write_text(notebook_of(markdown("a", written), markdown("b", LATER)))
    open_file(page, session["notebook"])
    open_file(page, "ours.ipynb")
    rendered(page)
    cell = page.locator(".jp-NotebookPanel:visible .jp-RenderedMarkdown", has_text=END)
    assert cell.locator("img, video, audio, iframe, svg, [style*=url], .jp-RenderedMermaid").count() == 0
    expect(cell).to_contain_text(f'<{APART}img src="{at}/img">')
    expect(cell.get_by_role("link", name=f"{at}/autolink", exact=True)).to_have_attribute("href", f"{at}/autolink")
    expect(cell.get_by_role("link", name="plain")).to_have_attribute("href", f"{at}/inline")
    settled(page, at, asked)
    assert asked == []

    (lab.root / "theirs.ipynb").write_text(notebook_of(markdown("a", said), markdown("b", LATER)))
    open_file(page, "theirs.ipynb")
    # The text as it was said asks for all of these: the listener would have noticed.
    wait_for(lambda: {"/inline", "/img", "/poster", "/background", "/mermaid", "/mglyph"} <= set(asked), page)


def test_a_hostile_answer_below_a_cell_asks_nobody_for_anything(
    lab: Lab, open_lab: OpenLab, listener: tuple[str, list[str]]
) -> None:
    """What a cell put out just now is trusted by JupyterLab: not even scripts are taken out."""
    at, asked = listener
    said = HOSTILE.format(at=at, bare=at.removeprefix("http:"), end=END)
    show = (
        "from IPython.display import Markdown, display\n"
        "from jupyter_appbuilder.client.feed import Entry, Feed\n"
        f"said = {said!r}\n"
    )
    ours = show + "display(Markdown(Feed(entries=[Entry('text', said, 'done')]).markdown()))"
    theirs = show + "display(Markdown(said))"
    page = open_lab().page
    for name, source in (("shown.ipynb", ours), ("raw.ipynb", theirs)):
        code: dict[str, Any] = {
            "cell_type": "code",
            "id": "c",
            "metadata": {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        (lab.root / name).write_text(notebook_of(code, markdown("b", LATER)))
        command(page, "docmanager:open", {"path": name})
        page.wait_for_function(
            "() => window.jupyterapp.shell.currentWidget.sessionContext?.session?.kernel?.status === 'idle'",
            timeout=LONG,
        )
        command(page, "notebook:run-all-cells")
        expect(page.locator(".jp-NotebookPanel:visible .jp-OutputArea", has_text=END)).to_be_attached(timeout=LONG)
        rendered(page)
        settled(page, at, asked)
        if name == "shown.ipynb":
            assert asked == []
    wait_for(lambda: {"/inline", "/script", "/mermaid"} <= set(asked), page)
