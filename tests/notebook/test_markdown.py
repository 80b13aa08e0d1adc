"""What is said stands in notebooks so that nothing is fetched, and can be read back exactly.

tests/browser/test_notebook_fetches_nothing.py has JupyterLab show it.
"""

from __future__ import annotations

import random
from typing import Any

import mistune
import pytest
from markdown_it import MarkdownIt
from recorded import Recorded

from jupyter_appbuilder.client.feed import Entry, Feed
from jupyter_appbuilder.notebook.document import document
from jupyter_appbuilder.notebook.markdown import APART, inert, restore

PIECES = (
    *("<", ">", "!", "[", "]", "(", ")", ":", "/", "?", "\\", "$", "&", "~~~", "`", "```", "\n", "\r", "\f", " ", "\t"),
    *("\n```\n", "\n```js\n", "\n```mermaid\n", "\n> ```\n", "https://x.example", "img src=x", "style", "mmlToken"),
    *("{", "}", "c#", "é", "\ud800", APART, APART),
)


def test_any_text_can_be_read_back():
    chance = random.Random(2)
    for _ in range(20_000):
        text = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 16)))
        assert restore(inert(text)) == text, ascii(text)


@pytest.mark.parametrize(
    "render",
    [MarkdownIt("commonmark").render, MarkdownIt("gfm-like", {"linkify": False}).render, mistune.html],
    ids=["commonmark", "gfm", "mistune"],
)
def test_no_parser_finds_a_picture_or_a_tag(render: Any):
    chance = random.Random(3)
    pieces = (*PIECES, "![a](x)", "![a][b]", "<img src=x>", "\n[b]: x\n", "<!--", "-->", "<div>\n", '"', "'", "    ")
    for _ in range(3000):
        text = "".join(chance.choice(pieces) for _ in range(chance.randint(2, 14))).replace("\ud800", "")
        shown = render(inert(text))
        assert "<img" not in shown, ascii(text)
        assert "<div" not in shown, ascii(text)
        assert "<!--" not in shown, ascii(text)


CODE = "Like this:\n\n```tsx\nreturn <App name={`![${x}](y)`} />;\n```\n\nor `<b>`, or\n\n```\n<div>\n```"


def test_code_can_be_copied():
    assert inert(CODE) == CODE.replace("`<b>`", f"`<{APART}b>`")


@pytest.mark.parametrize(
    "before",
    [
        "It costs $5",  # up to the next dollar, a formula for some
        '[a]: https://example.org "',  # up to the next quote, a title for some
        "- ```\n  nested",
        "> ```",
        "~~~",
        "````",
        "```js extra",
        "\\begin{x}",
        "a\rb",
    ],
)
def test_what_may_be_no_code_is_treated_as_text(before: str):
    text = f"{before}\n```\n<img src=x>\n```"
    assert "<img" not in inert(text)
    assert restore(inert(text)) == text


def test_diagrams_are_shown_as_their_code():
    assert inert("```mermaid\nA\n```") == f"```{APART}mermaid\nA\n```"
    assert inert("~~~ \t mermaid\nA\n~~~") == f"~~~{APART} \t mermaid\nA\n~~~"


def test_links_and_ordinary_text_stay_as_they_are():
    text = "# A\n\n*b* **c** `d` [e](https://x.example) <https://x.example/?a=1> 1 < 2 && 3 > 2, f! [g] $x^2$\n- [ ] h"
    assert inert(text) == text
    assert inert("![a name](https://x.example)") == f"!{APART}[a name](https://x.example)"
    assert inert("![](https://x.example)") == f"!{APART}[]{APART}(https://x.example)"


async def test_titles_questions_answers_and_results_are_inert_in_a_notebook(tmp_path: Any):
    hostile = "![x](https://x.example) <img src='https://x.example'>"
    async with Recorded(tmp_path) as session:
        await session.everything()
        events = await session.read()
        keys = {"text", "summary", "title", "message", "hint", "model"}
        for event in events:
            for key in keys & event.data.keys():
                if isinstance(event.data[key], str):
                    event.data[key] = hostile  # type: ignore[index]
        cells = document(events, "")["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    assert sum(hostile in restore(text) for text in texts) >= 4
    assert not any("![" in text or "<img" in text for text in texts)


def test_what_is_shown_below_a_cell_is_inert():
    said = "![x](https://x.example)\n<img src=x>"
    feed = Feed(entries=[Entry("text", said, "done"), Entry("tool", said, "running", output=said, code=said)])
    assert "![" not in feed.markdown()
    assert "<img" not in feed.markdown()
    assert restore(feed.markdown()).startswith(said)
