"""Styles that are changed where an element is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.errors import Conflict, InvalidInput
from jupyter_appbuilder.pointing import read_claim, style_edit, styles
from jupyter_appbuilder.pointing.attributes import read_tag
from jupyter_appbuilder.pointing.palette import read_palette
from jupyter_appbuilder.tools.edits import apply_edits
from jupyter_appbuilder.workspace import Workspace

PACKAGES = '{"devDependencies": {"tailwindcss": "4.3.3"}}'
TOKENS = """@import "tailwindcss";
:root { --primary: oklch(0.5 0.2 277); --muted: #778; --radius: 0.7rem; }
.dark { --primary: oklch(0.7 0.2 277); }
@theme inline {
  --color-primary: var(--primary);
  --color-muted: var(--muted); /* --color-none: red; */
  --text-lg: 1.2rem;
}
"""
SITE = ":root { --brand: light-dark(#102030, #fff); --gap: 4px; }\n.a { color: #abcdef; }\n"


async def an_app(tmp_path: Path, **files: str) -> Workspace:
    template = tmp_path / "template"
    for path, text in files.items():
        (template / path).parent.mkdir(parents=True, exist_ok=True)
        (template / path).write_text(text)
    made = Workspace(tmp_path / "session")
    await made.create(template)
    return made


async def changed(workspace: Workspace, file: str, tag: str, wanted: dict[str, str], **more: Any) -> str:
    """The line of the element after the change."""
    source = await workspace.read_text(file)
    offset = source.index(tag)
    line = source.count("\n", 0, offset) + 1
    column = offset - source.rfind("\n", 0, offset)
    positions = [*more.pop("inside", []), {"name": "x", "file": file, "line": line, "column": column}]
    claim = read_claim({"tag": "div", "text": "", "positions": positions})
    path, edit = await style_edit(workspace, claim, wanted)
    assert path == file
    assert source.count(edit["search"]) == 1
    after = source.replace(edit["search"], edit["replace"])
    return after.split("\n")[line - 1].strip()


async def becomes(workspace: Workspace, path: str, wanted: dict[str, str], after: str | None) -> None:
    """The heading is written as ``after`` then; None: the change is refused."""
    if after is None:
        with pytest.raises(Conflict) as refused:
            await changed(workspace, path, "<h1", wanted)
        assert refused.value.reason == "no_style"
    else:
        assert await changed(workspace, path, "<h1", wanted) == f"{after}Hello</h1>"


@pytest.mark.parametrize(
    ("written", "wanted", "after"),
    [
        ("<h1>", {"size": "lg"}, '<h1 className="text-lg">'),
        ('<h1 id="a">', {"color": "primary"}, '<h1 className="text-primary" id="a">'),
        (
            '<h1 className="mt-1 text-4xl font-bold sm:text-5xl hover:text-sm text-center">',
            {"size": "2xl", "weight": "normal"},
            '<h1 className="mt-1 text-2xl font-normal hover:text-sm text-center">',
        ),
        (
            '<h1 className="text-red-500/50 text-[14px] dark:text-white" {...more}>',
            {"color": "muted"},
            None,
        ),
        (
            '<h1 {...more} className="text-red-500/50 text-[14px] dark:text-white">',
            {"color": "muted"},
            '<h1 {...more} className="text-muted text-[14px]">',
        ),
        (
            '<h1 className="px-6 py-5 mx-auto -mt-2 md:p-8 gap-x-2">',
            {"padding": "4", "margin": "8", "gap": "3"},
            '<h1 className="p-4 mx-auto my-8 gap-3">',
        ),
        ("<h1 className={'text-sm'}>", {"size": "xl"}, "<h1 className={'text-xl'}>"),
        ("<h1 className={`text-sm ${x}`}>", {"size": "xl"}, None),
        ("<h1 className={x}>", {"size": "xl"}, None),
        (
            '<h1 className={cn("text-sm", a > 1 && "font-bold")}>',
            {"size": "xl"},
            '<h1 className={cn("text-xl", a > 1 && "font-bold")}>',
        ),
        ('<h1 className={cn("text-sm", a > 1 && "font-bold")}>', {"weight": "normal"}, None),
        ('<h1 className={cn(x, "text-sm")}>', {"size": "xl"}, None),
        (
            '<h1 className="a" style={{ fontSize: 14, "color": x }}>',
            {"size": "xl", "weight": "bold"},
            '<h1 className="a font-bold" style={{ fontSize: "1.25rem", "color": x }}>',
        ),
        ('<h1 className="a" style={{ fontSize: 14, color: x }}>', {"color": "muted"}, None),
        ('<h1 style={x} className="a">', {"size": "xl"}, None),
    ],
)
async def test_in_an_app_with_tailwind_it_is_a_class(
    tmp_path: Path, written: str, wanted: dict[str, str], after: str | None
):
    source = f"export default function App() {{\n  return (\n    {written}Hello</h1>\n  );\n}}\n"
    workspace = await an_app(tmp_path, **{"src/App.tsx": source, "src/a.css": TOKENS, "package.json": PACKAGES})
    await becomes(workspace, "src/App.tsx", wanted, after)


@pytest.mark.parametrize(
    ("written", "wanted", "after"),
    [
        ("<h1>", {"size": "lg"}, '<h1 style="font-size: 1.125rem">'),
        (
            "<h1 class=a style='color:red;padding-top: 2px; background: url(\"a;b\")'>",
            {"color": "brand", "padding": "2"},
            "<h1 class=a style='color: var(--brand);padding: 0.5rem; background: url(\"a;b\")'>",
        ),
        (
            '<h1 style="margin: 0 auto; font: italic bold 12px/2 Georgia;">',
            {"margin": "4", "size": "lg"},
            '<h1 style="margin: 0 auto; margin-block: 1rem; font: italic bold 12px/2 Georgia; font-size: 1.125rem;">',
        ),
        (
            '<h1 style="padding-top: 1px; color: red; padding-left: 2px">',
            {"padding": "2"},
            '<h1 style="color: red; padding: 0.5rem">',
        ),
        ('<h1 style="">', {"padding": "2"}, '<h1 style="padding: 0.5rem">'),
        ('<h1 style="font-family: &quot;Inter&quot;; color: red">', {"color": "brand"}, None),
        ('<h1 style="/* a; color: blue */ color: red">', {"color": "brand"}, None),
    ],
)
async def test_elsewhere_it_is_in_the_style_of_the_element(
    tmp_path: Path, written: str, wanted: dict[str, str], after: str | None
):
    page = f"<!doctype html>\n<body>\n{written}Hello</h1>\n</body>\n"
    workspace = await an_app(tmp_path, **{"index.html": page, "a.css": SITE})
    await becomes(workspace, "index.html", wanted, after)


@pytest.mark.parametrize(
    ("style", "wanted", "after"),
    [
        (
            '{\n        fontSize: 14,\n        "color": x,\n      }',
            {"size": "xl", "weight": "bold"},
            '{\n        fontSize: "1.25rem",\n        "color": x, fontWeight: "700",\n      }',
        ),
        ("{ marginTop: 4, margin: 0 }", {"margin": "1"}, '{ margin: 0, marginBlock: "0.25rem" }'),
        ("{}", {"margin": "1"}, '{ marginBlock: "0.25rem" }'),
        ('{ color: "red" // of the brand\n }', {"size": "xl"}, None),
        ('{ /* small */ color: "red" }', {"size": "xl"}, None),
        (
            '{ background: "url(https://example.org/a.png)" }',
            {"gap": "1"},
            '{ background: "url(https://example.org/a.png)", gap: "0.25rem" }',
        ),
    ],
)
async def test_all_else_of_a_style_in_jsx_stays_as_it_is_written(
    tmp_path: Path, style: str, wanted: dict[str, str], after: str | None
):
    source = f"export default () => (\r\n  <h1 style={{{style}}}>Hello</h1>\r\n);\r\n"
    workspace = await an_app(tmp_path, **{"src/App.jsx": source, "a.css": SITE})
    claim = read_claim({"tag": "h1", "positions": [{"name": "x", "file": "src/App.jsx", "line": 2, "column": 3}]})
    if after is None:
        with pytest.raises(Conflict):
            await style_edit(workspace, claim, wanted)
    else:
        _, edit = await style_edit(workspace, claim, wanted)
        found = apply_edits(await workspace.read_text("src/App.jsx"), [edit])
        assert found.replace("\r\n", "\n") == source.replace("\r\n", "\n").replace(style, after)
        assert found.startswith("export default () => (\r\n")
        assert found.endswith(";\r\n")
        assert "\r\r" not in found


async def test_components_and_what_is_no_element(tmp_path: Path):
    app = '<Own>Hello</Own>\n<Button size="sm">Go</Button>\n<Link className="a">There</Link>\n'
    files = {
        "src/App.tsx": app,
        "src/components/ui/button.tsx": "<button {...props} />",
        "src/a.css": TOKENS,
        "package.json": PACKAGES,
        "js/main.js": 'list.innerHTML = "<b>Made by a script</b>";\n',
        "app.py": 'import streamlit as st\n\nst.title("Sales")\n',
        "src/View.vue": '<p :class="x" :style="{ color: x }" class="text-sm">A</p>\n<AppCard :style="y" title="B" />\n',
    }
    workspace = await an_app(tmp_path, **files)
    part = {"name": "button", "file": "src/components/ui/button.tsx", "line": 1, "column": 1}
    after = await changed(workspace, "src/App.tsx", "<Button", {"margin": "2"}, inside=[part])
    assert after == '<Button className="my-2" size="sm">Go</Button>'
    assert (
        await changed(workspace, "src/App.tsx", "<Link", {"size": "sm"}) == '<Link className="a text-sm">There</Link>'
    )
    with pytest.raises(Conflict, match="Own, which need not"):
        await changed(workspace, "src/App.tsx", "<Own", {"size": "sm"})
    assert (
        await changed(workspace, "src/View.vue", "<p", {"size": "lg"})
        == '<p :class="x" :style="{ color: x }" class="text-lg">A</p>'
    )
    with pytest.raises(Conflict, match="computed"):
        await changed(workspace, "src/View.vue", "<AppCard", {"size": "lg"})
    for wanted in ({"size": "huge"}, {"colour": "primary"}, {"size": "lg"} | {"color": "url(x)"}):
        with pytest.raises(InvalidInput):
            await changed(workspace, "src/View.vue", "<p", wanted)
    with pytest.raises(InvalidInput, match="stays"):
        await changed(workspace, "src/View.vue", "<p", {"size": "sm"})

    drawn = await styles(workspace, read_claim({"tag": "h1", "text": "Sales"}))
    assert "Python" in drawn["why"]
    assert drawn["choices"] == []
    made = await styles(workspace, read_claim({"tag": "b", "text": "Made by a script"}))
    assert "A script makes it" in made["why"]
    assert "Nobody knows" in (await styles(workspace, read_claim({"tag": "h1", "text": "nowhere"})))["why"]


async def test_what_can_be_chosen_is_of_the_apps_own_style(tmp_path: Path):
    source = '<h1 className="text-4xl leading-tight text-[#123456]" style={{ gap: 3 }}>Hello</h1>\n'
    workspace = await an_app(tmp_path, **{"src/App.tsx": source, "src/a.css": TOKENS, "package.json": PACKAGES})
    claim = read_claim({"tag": "h1", "positions": [{"name": "h1", "file": "src/App.tsx", "line": 1, "column": 1}]})
    told = await styles(workspace, claim)
    choices = {choice["property"]: choice for choice in told["choices"]}
    assert {name: choice["now"] for name, choice in choices.items()} == {
        "size": "4xl",
        "weight": "",
        "color": "[#123456]",
        "padding": "",
        "margin": "",
        "gap": "3",
    }
    assert [(step["name"], step["css"], step.get("swatch")) for step in choices["color"]["steps"]] == [
        ("primary", {"color": "var(--primary)"}, "oklch(0.5 0.2 277)"),
        ("muted", {"color": "var(--muted)"}, "#778"),
    ]
    assert {"name": "lg", "css": {"font-size": "1.2rem"}} in choices["size"]["steps"]


def test_colours_are_tokens_else_what_is_written():
    assert [tuple(one[:3]) for one in read_palette(SITE).colours] == [("brand", "var(--brand)", "#102030")]
    assert [one.name for one in read_palette("a { color: #abcdef } b { background: url(x) }").colours] == ["#abcdef"]
    hostile = (
        ":root { --a: url(https://example.org); --b: red;background:url(x); --c: rgb(1,2,3);}" + "--d:#123;" * 9000
    )
    for one in read_palette(hostile).colours:
        assert "url" not in one.shown
    assert len(read_palette("".join(f"--c{n}: #123456;" for n in range(500))).colours) == 24


@pytest.mark.parametrize("source", ["<a b={", "<a b='", "<a {...", "<a " + "b " * 20_000, "<a =", "<", "<a b={[}]}>"])
def test_a_tag_that_cannot_be_read_is_none(source: str):
    assert read_tag(source, 0) is None


def test_what_would_end_an_attribute_is_no_value():
    theme = '--color-a: var(--b, " onclick=x y="); --text-lg: 1rem" onclick="x; --color-c: var(--b);'
    found = read_palette(f'@import "tailwindcss"; @theme {{ {theme} }} :root {{ --b: red; }}')
    assert [colour.value for colour in found.colours] == ["var(--b)"]
    assert "text-lg" not in found.theme
