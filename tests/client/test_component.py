"""A component of an app as a widget: what is bundled, what a prop may be, and what is said of mistakes."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from engines import prepared

from jupyter_appbuilder import App
from jupyter_appbuilder.apps.component import find, name_of
from jupyter_appbuilder.client.component import MOST_ROWS, plain_value
from jupyter_appbuilder.client.component_page import document, encoded
from jupyter_appbuilder.errors import InvalidInput, NotFound

TALLY = """
interface Props { label: string; value?: number | null; onChange?: (value: number) => void }
export function Tally({ label, value, onChange }: Props) {
  return <button type="button" onClick={() => onChange?.((value ?? 0) + 1)}>{label}: {value ?? 0}</button>;
}
"""


def given_to(widget: Any) -> Any:
    return json.loads(widget.get_state()["_given"])


def test_props_are_traits_both_ways_and_functions_are_called(tmp_path: Path) -> None:
    with prepared(tmp_path):
        app = App("tally", template="react-vite")
        app.write("src/components/tally.tsx", TALLY)
        heard: list[Any] = []
        widget: Any = app.widget("Tally", label="Votes", onDone=lambda *told: heard.append(told))  # pyright: ignore
        assert given_to(widget) == {"props": {"label": "Votes"}, "functions": ["onChange", "onDone"]}
        widget.label = "Voices"
        assert given_to(widget)["props"] == {"label": "Voices"}

        seen: list[Any] = []
        widget.observe(lambda change: seen.append(change["new"]), "value")  # pyright: ignore
        widget._handle_custom_msg({"method": "called", "name": "onChange", "args": "[3]"}, [])
        widget._handle_custom_msg({"method": "called", "name": "onDone", "args": '[{"a": 1}, null]'}, [])
        assert (widget.value, seen, heard) == (3, [3], [({"a": 1}, None)])
        assert given_to(widget)["props"] == {"label": "Voices", "value": 3}

        shown = widget._repr_mimebundle_()[0]
        assert "Voices" in shown["text/html"]
        assert 'sandbox="allow-scripts"' in shown["text/html"]
        widget.close()


def test_what_cannot_be_shown_says_so_and_what_to_do(tmp_path: Path) -> None:
    with prepared(tmp_path):
        app = App("odd", template="react-vite")
        app.write("src/components/odd.tsx", "export function Odd(((){}")
        with pytest.raises(InvalidInput, match=r"does not build\. src/components/odd\.tsx:1:\d+: Unexpected token"):
            app.widget("Odd")
        with pytest.raises(NotFound, match="no component 'Od'") as near:
            app.widget("Od")
        assert "Odd" in near.value.hint
        app.write("src/components/odd.tsx", "export const Odd = () => <p>Hi</p>;")
        with pytest.raises(InvalidInput, match="cannot be called 'layout'"):
            app.widget("Odd", layout=1)
        with pytest.raises(InvalidInput, match="The prop rows cannot be shown"):
            app.widget("Odd", rows=object())
        page = App("plain", template="static")
        with pytest.raises(InvalidInput, match="static cannot be shown alone"):
            page.widget("Odd")


def test_a_component_of_vue_is_bundled(tmp_path: Path) -> None:
    with prepared(tmp_path):
        app = App("vue", template="vue-vite")
        app.write(
            "src/components/Tally.vue",
            '<script setup lang="ts">defineProps<{ label: string }>();</script><template><b>{{ label }}</b></template>',
        )
        made = app.bundle("Tally")
        assert "src/components/Tally.vue" in made.files
        assert "componentHost" in made.script


def test_a_component_of_the_full_stack_is_bundled(tmp_path: Path) -> None:
    with prepared(tmp_path):
        app = App("full", template="serverless")
        app.write(
            "components/Tally.tsx",
            'import { call } from "app";\nimport { label } from "@/lib/words";\n'
            "export default function Tally({ value }: { value: number }) {\n"
            '  return <button className="app-button" onClick={() => call("tasks")}>{label(value)}</button>;\n}\n',
        )
        app.write("lib/words.ts", "export const label = (value: number) => `counted ${value}`;\n")
        app.write("styles.css", ".tally { color: teal }\n")
        made = app.bundle("Tally")
        assert {"components/Tally.tsx", "lib/words.ts", "styles.css"} <= made.files
        assert "componentHost" in made.script
        assert "counted" in made.script
        assert ".app-button" in made.styles
        assert "teal" in made.styles
        app.write("lib/words.ts", "export const lable = 1;\nconst x = ;\n")
        with pytest.raises(InvalidInput, match=r"does not build\. lib/words\.ts:2:11: "):
            app.bundle("Tally")


def test_a_component_of_next_is_bundled(tmp_path: Path) -> None:
    with prepared(tmp_path):
        app = App("next", template="nextjs")
        app.write(
            "components/tally-list.tsx",
            '"use client";\nimport Link from "next/link";\nimport { useRouter } from "next/navigation";\n'
            'import { label } from "@/lib/words";\nimport styles from "./tally.module.css";\n'
            "export function TallyList({ value }: { value: number }) {\n  const router = useRouter();\n"
            '  return <Link href="/" className={`p-[13px] ${styles.box}`} onClick={() => router.refresh()}>'
            "{label(value)}</Link>;\n}\n",
        )
        app.write("components/tally.module.css", ".box { border: 3px solid teal }\n")
        app.write("lib/words.ts", "export const label = (value: number) => `counted ${value}`;\n")
        made = app.bundle("TallyList")
        own = {"components/tally-list.tsx", "components/tally.module.css", "lib/words.ts", "app/globals.css"}
        assert own <= made.files
        assert "app/page.tsx" not in made.files
        assert "counted" in made.script
        assert "componentHost" in made.script
        assert "13px" in made.styles
        assert "teal" in made.styles
        app.write("lib/words.ts", "export const lable = 1;\nconst x = ;\n")
        with pytest.raises(InvalidInput, match=r"does not build\. lib/words\.ts:2:\d+: Expression expected"):
            app.bundle("TallyList")
        app.write("lib/words.ts", 'import { readFileSync } from "node:fs";\nexport const label = readFileSync;\n')
        with pytest.raises(InvalidInput, match=r"lib/words\.ts imports node:fs, which only the server has"):
            app.bundle("TallyList")


def test_the_component_that_is_meant_is_found() -> None:
    files = ["src/App.tsx", "src/components/sales-chart.tsx", "src/components/ui/chart.tsx", "src/lib/chart.ts"]
    assert name_of("src/components/sales-chart.tsx") == name_of("SalesChart") == "SalesChart"
    assert find(files, "SalesChart") == find(files, "sales-chart") == "src/components/sales-chart.tsx"
    assert find(files, "Chart") == "src/components/ui/chart.tsx"  # nothing of the app's own has that name
    assert find([*files, "src/Chart.tsx"], "Chart") == "src/Chart.tsx"
    with pytest.raises(InvalidInput, match=r"several files: src/Chart\.tsx, src/a/chart\.tsx"):
        find([*files, "src/Chart.tsx", "src/a/chart.tsx"], "Chart")
    for odd in ("", "../../etc/passwd", "src/lib/chart.ts", "x" * 10_000):
        with pytest.raises(NotFound):
            find(["src/App.tsx", "src/lib/chart.ts"], odd)


def test_values_of_props_are_plain_json() -> None:
    frame = pd.DataFrame({"at": pd.to_datetime(["2026-01-02"], utc=True), "n": [2**60], "x": [float("nan")]})
    assert plain_value("p", frame) == [{"at": "2026-01-02T00:00:00+00:00", "n": str(2**60), "x": None}]
    assert plain_value("p", {"a": (1, None, float("inf"))}) == {"a": [1, None, None]}
    with pytest.raises(InvalidInput, match=f"more than {MOST_ROWS:,} rows"):
        plain_value("rows", pd.DataFrame({"n": range(MOST_ROWS + 1)}))


@pytest.mark.parametrize("text", ["</script>", "</SCRIPT x", "<!--<script>", "</style>", "]]>", "\u2028"])
def test_no_text_ends_the_element_that_it_is_in(text: str) -> None:
    elements: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            elements.append(tag)

    Reader().feed(document(f'const a = "{text}";', f'a::after {{ content: "{text}" }}', encoded({"a": text}, [])))
    assert " ".join(elements) == "html head meta title meta style style body div script script script"
