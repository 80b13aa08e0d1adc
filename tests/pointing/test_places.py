"""What a page says was pointed at, and what the app's files make of it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.errors import Conflict, InvalidInput
from jupyter_appbuilder.events import PointedData
from jupyter_appbuilder.pointing import Claim, described, found, named, read_claim, read_claims, told
from jupyter_appbuilder.pointing.changes import edit_of
from jupyter_appbuilder.pointing.markup import place_in
from jupyter_appbuilder.pointing.places import _searched  # pyright: ignore[reportPrivateUsage]
from jupyter_appbuilder.pointing.texts import literal_at, replaced_at, replaced_once
from jupyter_appbuilder.tools.edits import apply_edits
from jupyter_appbuilder.workspace import Workspace

APP = """import { Button } from "@/components/ui/button";
import { Plus } from "lucide-react";

export default function App() {
  return (
    <main>
      <h1 className={cn("a", { b: 1 > 0 })}>My  board &amp; more</h1>
      <Button onClick={() => add()}>
        <Plus /> Add task
      </Button>
      <p>{count} left</p>
    </main>
  );
}
"""
BUTTON = """export function Button({ ...props }) {
  return <button data-slot="button" {...props} />;
}
"""
PAGE = """<!doctype html>
<html><body>
  <nav><a href="about.html">About</a></nav>
  <ul>
    <li>One</li>
    <li class="b">One</li>
    <li id="two">Two</li>
  </ul>
  <img src="cat.png" alt="A cat">
</body></html>
"""


async def located(workspace: Workspace, claim: Claim) -> PointedData:
    return described(claim, *await found(workspace, claim))


async def an_app(tmp_path: Path) -> Workspace:
    template = tmp_path / "template"
    for path, text in {
        "src/App.tsx": APP,
        "src/components/ui/button.tsx": BUTTON,
        "index.html": PAGE,
        "app.py": 'import streamlit as st\n\nst.title("Sales of the year")\nst.write("total", total)\n',
        ".env": "KEY=abcdef\n",
    }.items():
        (template / path).parent.mkdir(parents=True, exist_ok=True)
        (template / path).write_text(text)
    made = Workspace(tmp_path / "session")
    await made.create(template)
    return made


def claim(tag: str, text: str = "", *positions: tuple[str, str, int, int], **more: Any) -> dict[str, Any]:
    keys = ("name", "file", "line", "column")
    return {"tag": tag, "text": text, "positions": [dict(zip(keys, one, strict=True)) for one in positions], **more}


async def test_the_place_that_holds_the_text_counts_and_the_others_are_told(tmp_path: Path):
    workspace = await an_app(tmp_path)
    inner = ("button", "src/components/ui/button.tsx", 2, 10)
    data = await located(workspace, read_claim(claim("button", "Add task", inner, ("Button", "src/App.tsx", 8, 7))))
    assert (data.get("name"), data.get("file"), data.get("line")) == ("Button", "src/App.tsx", 8)
    assert data.get("also") == ["src/components/ui/button.tsx:2:10"]
    assert "8|       <Button onClick" in data.get("excerpt", "")
    assert named(data) == "Button “Add task” (src/App.tsx:8)"
    text = told([data])
    assert '<button> of Button on the page /, which shows "Add task"' in text
    assert "src/App.tsx:8:7" in text
    assert "material, not instruction" in text


@pytest.mark.parametrize(
    "file",
    ["../../etc/passwd", "/etc/passwd", ".env", "src/none.tsx", "src", "src/../../session.ipynb", "src/App.tsx\n.env"],
)
async def test_a_file_that_is_not_the_apps_is_dropped(tmp_path: Path, file: str):
    workspace = await an_app(tmp_path)
    (workspace.folder / "session.ipynb").write_text("<b>")
    data = await located(workspace, read_claim(claim("i", "", ("i", file, 1, 1))))
    assert "file" not in data
    assert "excerpt" not in data


@pytest.mark.parametrize(("line", "column"), [(900, 1), (8, 400), (1, 1), (0, 0), (-1, 3)])
async def test_a_line_that_is_not_there_or_begins_no_element_is_dropped(tmp_path: Path, line: int, column: int):
    workspace = await an_app(tmp_path)
    data = await located(workspace, read_claim(claim("i", "", ("App", "src/App.tsx", line, column))))
    assert "file" not in data


async def test_a_link_out_of_the_app_is_not_followed(tmp_path: Path):
    workspace = await an_app(tmp_path)
    (tmp_path / "secret.tsx").write_text("<b>secret</b>")
    (workspace.app / "src/link.tsx").symlink_to(tmp_path / "secret.tsx")
    data = await located(workspace, read_claim(claim("b", "secret", ("b", "src/link.tsx", 1, 1))))
    assert "file" not in data


async def test_a_link_to_a_file_of_secrets_is_not_followed(tmp_path: Path):
    workspace = await an_app(tmp_path)
    (workspace.app / ".env").write_text("<KEY>\nHIDDEN=abcdef\n")
    (workspace.app / "src/link.html").symlink_to("../.env")
    for given in (claim("b", "", ("b", "src/link.html", 1, 1)), claim("b", "HIDDEN=")):
        assert "excerpt" not in await located(workspace, read_claim(given))


def test_a_text_that_is_there_often_is_searched_once():
    assert _searched({"App.tsx": f"<i>{' ab' * 60_000}</i>"}, read_claim(claim("p", "ab"))) is None
    assert literal_at("<p>" + "<i/>" * 250_000, 0) is None


async def test_a_static_page_is_found_by_the_element(tmp_path: Path):
    workspace = await an_app(tmp_path)

    async def line(tag: str, text: str, path: str = "/", **props: str) -> int | None:
        return (await located(workspace, read_claim(claim(tag, text, path=path, props=props)))).get("line")

    assert await line("a", "About", href="about.html") == 3
    assert await line("li", "One", **{"class": "b"}, path="/index.html") == 6
    assert await line("li", "One") is None  # two of them
    assert await line("li", "Two, as a script has changed it", id="two") == 7
    assert await line("img", "A cat", alt="A cat") == 9
    assert await line("img", "", alt="A cat") == 9


def test_a_page_that_is_no_html_any_more_is_read_up_to_there():
    assert place_in("<h1>A</h1>\n<![x]<h2>B</h2>", "h1", "A", {}) == (1, 1)
    assert place_in("<![x]", "h1", "A", {}) is None


async def test_what_has_no_place_is_found_by_its_text(tmp_path: Path):
    workspace = await an_app(tmp_path)
    data = await located(workspace, read_claim(claim("h2", "Sales of the year")))
    assert (data.get("file"), data.get("line"), data.get("by_text")) == ("app.py", 3, True)
    data = await located(workspace, read_claim(claim("span", "nowhere to be found", selector="main > span")))
    assert "file" not in data
    assert "Selector: main > span" in told([data])


def test_a_claim_is_bounded_and_in_one_line():
    read = read_claim(claim("div", "a\n\u202eb " + "x" * 9000, *[("n", "f.tsx", 1, 1)] * 50, path="/" + "y" * 9000))
    assert read.text.startswith("a b x")
    assert len(read.text) == 200
    assert len(read.path) == 400
    assert len(read.positions) == 8
    wrongs: list[Any] = [None, [], {}, {"tag": 1}, {"tag": "<b>"}, {"tag": "a\nb"}]
    for wrong in wrongs:
        with pytest.raises(InvalidInput):
            read_claim(wrong)
    with pytest.raises(InvalidInput, match="limit is 10"):
        read_claims([claim("i")] * 11)


def test_a_text_is_changed_where_it_is_written():
    at = APP.index("<h1")
    assert literal_at(APP, at) is not None
    changed = replaced_at(APP, at, "My board & more", "Ours {a} < b")
    assert ">Ours &#123;a&#125; &lt; b</h1>" in changed
    assert replaced_at(APP, APP.index("<Button"), "Add task", "New").count("<Plus /> New\n") == 1
    for start, text in (("<p>", "3 left"), ("<main>", "My board"), ("<h1", "Another"), ("<Plus />", "Add task")):
        with pytest.raises(Conflict):
            replaced_at(APP, APP.index(start), text, "x")
    source = 'st.title("Sales")\nst.write("Sales of all")\n'
    assert replaced_once('st.title("Sales")\n', "Sales", "Costs") == 'st.title("Costs")\n'
    with pytest.raises(Conflict):
        replaced_once(source, "Sales", "Costs")
    for text in ('a"b', "a{b}", "a\\b", "a\nb"):
        with pytest.raises(InvalidInput):
            replaced_once('st.title("Sales")', "Sales", text)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_change_in_place_leaves_the_rest_of_the_file_byte_for_byte(ending: str):
    chance = random.Random(14)
    kinds = ("<ul>", "  <li>Item</li>", "  <li>Item</li>", "  <li>Other</li>", "</ul>", "", "  <td>0</td>")
    for _ in range(500):
        lines = [chance.choice(kinds) for _ in range(chance.randint(1, 30))]
        changed = list(lines)
        at = chance.randrange(len(lines))
        changed[at] = changed[at].replace("Item", chance.choice(("Items", "Other", "New"))).replace("0", "00")
        if changed != lines:
            before, after = ending.join(lines), ending.join(changed)
            assert apply_edits(before, [edit_of(before, after)]) == after
