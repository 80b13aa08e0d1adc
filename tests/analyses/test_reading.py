"""A notebook's file as it is read and told: whatever stands in it, bounded, plain, without secrets."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from jupyter_appbuilder.analyses.code import used_in
from jupyter_appbuilder.analyses.description import BRIEF, LONGEST, MOST_IMAGES, Handed, described, images_of
from jupyter_appbuilder.analyses.handing import dataset_name, missing, wanted
from jupyter_appbuilder.analyses.reading import (
    LARGEST,
    LONGEST_OUTPUT,
    LOOKED_AT,
    MOST_CELLS,
    parsed,
    read_notebook,
    text_of,
)
from jupyter_appbuilder.errors import InvalidInput, NotFound

from .notebooks import SALES, chart, code, markdown, notebook, png, sales_notebook, shows, table


def told(data: bytes, longest: int = LONGEST) -> str:
    analysis = parsed(data, "n.ipynb", None)
    return described(analysis, used_in(analysis), Handed(), longest=longest)


def test_an_analysis_is_told_with_its_headings_code_tables_and_charts(tmp_path: Path):
    analysis = read_notebook(sales_notebook(tmp_path))
    assert (analysis.title, analysis.count("chart"), analysis.count("table")) == ("Sales by region", 1, 1)
    used = used_in(analysis)
    (file,) = used.files
    assert (file.variable, file.path) == ("df", tmp_path.resolve() / "data/sales.csv")
    assert "by_region" in used.shown
    text = described(analysis, used, Handed({"df": "sales"}))
    for part in ("# Sales by region", "df is", "dataset sales", "groupby('region'", "North      3", "Chart:"):
        assert part in text.replace("df of the notebook is", "df is")
    ((cell, image),) = images_of(analysis)
    assert (cell, image.data, image.width, image.height) == (3, png(), 64, 48)


@pytest.mark.parametrize(
    "secret",
    [
        "api_key = 'abcdef123456'",
        'os.environ["GITHUB_TOKEN"] = "abcdef123456"',
        "connect(user='me', password='abcdef123456')",
        '{"client_secret": "abcdef123456"}',
        "postgresql://me:abcdef123456@db/sales",
        "AKIAABCDEF1234567890",
        "xoxb-abcdef123456-abcdef",
        "Authorization: Bearer abcdef123456",
        "https://api.example.org/?key=abcdef123456",
        "-----BEGIN RSA PRIVATE KEY-----\nabcdef123456\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_secrets_are_masked_in_cells_text_and_outputs(secret: str):
    stream = {"output_type": "stream", "name": "stdout", "text": [secret, "\nand so on\n"]}
    error = {"output_type": "error", "ename": "E", "evalue": secret, "traceback": []}
    text = told(notebook(markdown(f"see {secret}"), code(secret, stream, error, shows(text_html=f"<b>{secret}</b>"))))
    assert "abcdef123456" not in text
    assert "ABCDEF1234567890" not in text
    assert "•••" in text


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "no cells"),
        (b'{"cells": 3}', "no cells"),
        (b"\xff", "JSON"),
    ],
)
def test_what_is_no_notebook_is_refused_with_the_reason(tmp_path: Path, data: bytes, why: str):
    path = tmp_path / "broken.ipynb"
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match=why) as refused:
        read_notebook(path)
    assert refused.value.hint


def test_what_is_not_there_no_notebook_by_its_name_or_too_large_is_refused(tmp_path: Path):
    with pytest.raises(NotFound):
        read_notebook(tmp_path / "none.ipynb")
    with pytest.raises(InvalidInput, match="no notebook"):
        read_notebook(tmp_path / "sales.csv")
    with (tmp_path / "large.ipynb").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(InvalidInput, match="limit") as refused:
        read_notebook(tmp_path / "large.ipynb")
    assert "Clear" in refused.value.hint


def test_deeply_nested_json_is_refused():
    with pytest.raises(InvalidInput):
        parsed(b"[" * 200_000, "deep.ipynb", None)


def test_format_3_is_read_too():
    cells: list[dict[str, Any]] = [
        {"cell_type": "heading", "level": 2, "source": ["Sales"]},
        {"cell_type": "code", "input": ["df.plot()"], "outputs": [{"output_type": "pyout", "text": ["3\n", "4"]}]},
    ]
    text = told(json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3}).encode())
    assert "## Sales" in text
    assert "df.plot()" in text
    assert "3\n4" in text


def test_escape_codes_control_characters_and_html_become_plain_text():
    hostile = "\x1b[31mred\x1b[0m\x1b]8;;http://evil\x07link\x00\u202e" + "10%\r50%\rdone"
    html = "<script>steal()</script><style>x{}</style><p>seen</p><img src=x onerror=y>"
    text = told(notebook(code("1", {"output_type": "stream", "text": hostile}, shows(text_html=html))))
    assert "seen" in text
    assert "done" in text
    for gone in ("\x1b", "\x00", "\u202e", "steal", "onerror", "10%"):
        assert gone not in text
    assert text_of("<table><tr><td>a</td><td>b</td></tr></table>") == "\ta\tb"


def test_what_is_no_picture_is_none_and_one_that_is_too_large_is_not_shown():
    import base64

    broken = base64.b64encode(b"\x89PNG not a picture").decode()
    huge = bytearray(png())
    huge[16:24] = (60_000).to_bytes(4) * 2
    for given in ("%%%", broken, base64.b64encode(huge).decode(), 3, None, "A" * 9_000_000):
        assert images_of(parsed(notebook(code("1", shows(image_png=given))), "n.ipynb", None)) == []
    many = parsed(notebook(*[code(str(number), chart()) for number in range(30)]), "n.ipynb", None)
    shown = images_of(many)
    assert len(shown) == MOST_IMAGES
    assert (shown[0][0], shown[-1][0]) == (1, 30)


def test_a_chart_that_is_data_is_told_by_its_description_and_without_rows():
    plotly = {"data": [{"type": "bar", "name": "North", "x": [4711]}], "layout": {"title": {"text": "Units"}}}
    vega = {"mark": "line", "encoding": {"x": {"field": "month"}}, "data": {"values": [{"month": 4711}]}}
    bundle = {"output_type": "display_data", "data": {"application/vnd.plotly.v1+json": plotly}}
    other = {"output_type": "display_data", "data": {"application/vnd.vegalite.v5+json": vega}}
    text = told(notebook(code("fig", bundle), code("chart", other)))
    for part in ("plotly chart: Units", "bar North", '"field": "month"'):
        assert part in text
    assert "4711" not in text


def test_a_small_model_is_told_less_and_what_matters_most():
    chatter = [code(f"x{number} = {number}\n" + "# nothing\n" * 40) for number in range(200)]
    data = notebook(*chatter, *SALES)
    brief = told(data, BRIEF)
    assert len(brief) <= BRIEF
    assert len(told(data)) <= LONGEST
    for part in ("# Sales by region", "read_csv('data/sales.csv'", "groupby('region'"):
        assert part in brief


def test_of_private_data_no_output_is_told():
    analysis = parsed(notebook(*SALES), "n.ipynb", None)
    text = described(analysis, used_in(analysis), Handed(private=True))
    assert "North" not in text
    assert "groupby" in text


def test_files_are_found_by_names_that_stand_in_the_code(tmp_path: Path):
    for name in ("a.csv", "sub/b.parquet", "c.xlsx", "d.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x\n1\n")
    outside = tmp_path.parent / f"{tmp_path.name}-outside.csv"
    outside.write_text("x\n1\n")
    (tmp_path / "link.csv").symlink_to(outside)
    sources = [
        "%matplotlib inline\n!ls\nimport pandas as pd\nDATA = Path('sub')\na = pd.read_csv('a.csv')",
        "b = pl.read_parquet(DATA / 'b.parquet')\nwith open('x') as f:\n    c = pd.read_excel(io='c.xlsx')",
        "def load():\n    return pd.read_csv(os.path.join('.', 'd.csv'))",
        "e = pd.read_csv('https://example.org/e.csv')",
        "f = pd.read_csv('../../etc/passwd.csv')\ng = pd.read_csv(where())",
        f"h = pd.read_csv({str(outside)!r})\ni = pd.read_csv('link.csv')\nj = pd.read_csv('gone.csv')",
        "k = pd.read_sql('select 1', engine)",
        "%%bash\nread_csv('a.csv')",
        "this is no python",
    ]
    analysis = parsed(notebook(*map(code, sources)), "n.ipynb", tmp_path.resolve())
    used = used_in(analysis)
    there = {one.variable: one.path.relative_to(tmp_path.resolve()).as_posix() for one in used.files if one.path}
    assert there == {"a": "a.csv", "b": "sub/b.parquet", "c": "c.xlsx", "": "d.csv"}
    why = {one.variable: one.why_not for one in used.files if not one.path}
    assert "not on this machine" in why["e"]
    assert "computes" in why["g"]
    assert "no such file" in why["j"]
    assert "read_sql" in why["k"]
    for name in ("f", "h", "i"):
        assert "outside" in why[name], name
    assert {one.dataset for one in wanted(used, {}, lambda _: True)} == {"a", "b", "c", "d"}
    assert len(missing(analysis, used, ["a", "b", "c", "d.csv"])) == 7


def test_of_a_kernel_the_frames_that_are_read_or_shown_are_handed_over():
    made = code("df = pd.read_csv('sales.csv')\nextra = 1\nunused = df.copy()")
    analysis = parsed(notebook(made, code("top = df.head()\ntop", table())), "n.ipynb", None)
    frame, top = object(), object()
    names = {"df": frame, "top": top, "unused": object(), "extra": 1, "alias": frame}
    found = wanted(used_in(analysis), names, lambda value: type(value) is object)
    assert {one.named: one.source for one in found} == {"df": frame, "top": top}


def test_a_datasets_name_is_one_whatever_the_variable_is_called():
    taken: set[str] = set()
    assert [dataset_name(name, taken) for name in ("Sales 2026", "2026", "été", "sales_2026", "_", "x" * 99)] == [
        "sales_2026", "data_2026", "t", "sales_2026_2", "data", "x" * 55,
    ]  # fmt: skip


def anything(chance: random.Random, depth: int = 0) -> Any:
    """Any JSON."""
    kinds = [
        lambda: chance.choice(
            [None, True, -1, 1e300, "", "\x1b[1m", "ünï", "```", "<table", "%%html", "a\rb", "\ud800"]
        ),
        lambda: "".join(chance.choices("ab \n`#<>'\"\\\x00=()[]{}:%!", k=chance.randrange(300))),
        lambda: [anything(chance, depth + 1) for _ in range(chance.randrange(4))],
        lambda: {chance.choice(KEYS): anything(chance, depth + 1) for _ in range(chance.randrange(6))},
    ]
    return chance.choice(kinds[: 2 if depth > 4 else 4])()


KEYS = [
    "cells", "source", "outputs", "cell_type", "output_type", "data", "text", "metadata", "input", "level",
    "image/png", "text/html", "text/plain", "ename", "evalue", "application/vnd.plotly.v1+json",
    "application/vnd.vegalite.v5+json", "layout", "title", "xaxis", "mark", "png", "html",
]  # fmt: skip
CELL_TYPES = ("code", "markdown", "raw", "heading", "other")
OUTPUT_TYPES = ("stream", "display_data", "execute_result", "error", "pyout", "other")


@pytest.mark.parametrize("seed", range(150))
def test_any_notebook_gives_a_bounded_plain_description(seed: int):
    chance = random.Random(seed)

    def output() -> Any:
        data = {chance.choice(KEYS): anything(chance) for _ in range(4)}
        return {"output_type": chance.choice(OUTPUT_TYPES), "data": data, "text": anything(chance)}

    def cell() -> Any:
        given = {"cell_type": chance.choice(CELL_TYPES), "source": anything(chance)}
        return given | {"outputs": chance.choice([[output(), output()], anything(chance)])}

    cells = [chance.choice([cell, cell, lambda: anything(chance)])() for _ in range(chance.randrange(1, 40))]
    analysis = parsed(json.dumps({"cells": cells, "metadata": anything(chance)}).encode(), "any.ipynb", None)
    used = used_in(analysis)
    for longest in (LONGEST, BRIEF):
        text = described(analysis, used, Handed(missing=missing(analysis, used, [])), longest=longest)
        assert len(text) <= longest
        assert not [char for char in text if ord(char) < 32 and char not in "\n\t"]
        assert text.encode()
    assert all(len(output.text) < LONGEST_OUTPUT + 100 for cell in analysis.cells for output in cell.outputs)
    assert analysis.title


def test_a_very_large_notebook_is_read_up_to_its_bounds():
    cells = [code("x = 1\n" * 5_000, {"output_type": "stream", "text": "y" * 300_000}) for _ in range(20)]
    data = notebook(*cells, *[markdown("more")] * (MOST_CELLS + 500))
    analysis = parsed(data, "large.ipynb", None)
    assert len(analysis.cells) == MOST_CELLS
    assert "1,520" in analysis.notes[0]
    assert len(described(analysis, used_in(analysis), Handed())) <= LONGEST


@pytest.mark.parametrize(
    "part", ["y", "token", "eyJ-", "sk-", "://a:", "password='", "-----BEGIN PRIVATE KEY-----", "<a "]
)
def test_no_text_takes_long_to_mask(part: str):
    text = part * (LOOKED_AT // len(part))
    parsed(notebook(*[code(text, shows(text_html=text)) for _ in range(10)]), "n.ipynb", None)  # else: a time-out
