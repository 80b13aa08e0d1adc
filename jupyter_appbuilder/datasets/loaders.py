"""What an app reads its datasets with: files written into it, typed where its language has types."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..errors import Unavailable
from .base import MOST_VALUES, Column, Dataset

READER = "parquet-reader.js"
APP = Path(__file__).parent / "app"
BUNDLES = Path(__file__).parent.parent / "static"
"""Where our front end's build puts what it bundles."""

EDITED = "Written by App Builder with the data. It is written anew with it: change nothing here."

IGNORE = ".ignore"
"""Has to be there before what it names: what Tailwind saw once it goes on looking at."""
UNREAD = "# There are no styles in here: Tailwind would look for some, and load pages anew when the data changes.\n{}\n"

VITE = "${import.meta.env.BASE_URL}"
RELATIVE = ""
"""All pages of the app have one address, which its files lie below."""
NEXT = '${process.env.NEXT_PUBLIC_BASE_PATH ?? ""}/'

Files = list[tuple[str, str]]


def loader_files(kind: str, dataset: Dataset, folder: str) -> Files:
    """Paths in the app, and contents, of what reads ``dataset`` from ``folder``; those that all datasets share, too.

    They say nothing of the rows, so that handing over the same columns again changes none of them. ``kind`` is one of
    ``LOADERS``. Raises ``Unavailable`` where our front end has not been built.
    """
    return KINDS[kind](dataset, folder)


def _react(dataset: Dataset, folder: str) -> Files:
    return _typescript("src/datasets", ("react/use-table.ts",), VITE, dataset, folder)


def _vue(dataset: Dataset, folder: str) -> Files:
    return _typescript("src/datasets", ("vue/use-table.ts",), VITE, dataset, folder)


def _next(dataset: Dataset, folder: str) -> Files:
    names = ("react/use-table.ts", "next/read-table.ts", "next/refresh-data.tsx")
    return client_hooks(_typescript("lib/datasets", names, NEXT, dataset, folder))


def _components(dataset: Dataset, folder: str) -> Files:
    return _typescript("lib/datasets", ("react/use-table.ts",), RELATIVE, dataset, folder)


def _module(dataset: Dataset, folder: str) -> Files:
    place = "js/datasets"
    types = f"{place}/{dataset.name}.js"
    return [*reader_files(place), *_shared(place, ("module/load-table.js",), folder), (types, _javascript(dataset))]


def _python(dataset: Dataset, folder: str) -> Files:
    return python_reader(folder)


def python_reader(folder: str) -> Files:
    """What reads Parquet in an app in Python, whose data lie in ``folder``."""
    return _shared("", ("python/load_table.py",), folder)


def _panel(dataset: Dataset, folder: str) -> Files:
    return [*_python(dataset, folder), *_shared("", ("panel/watch_table.py",), folder)]


def _none(dataset: Dataset, folder: str) -> Files:
    return []


KINDS: Mapping[str, Callable[[Dataset, str], Files]] = {
    "none": _none,
    "react": _react,
    "vue": _vue,
    "next": _next,
    "components": _components,
    "module": _module,
    "python": _python,
    "panel": _panel,
}


def _typescript(place: str, names: Sequence[str], base: str, dataset: Dataset, folder: str) -> Files:
    types = f"{place}/{dataset.name}.ts"
    unread = [(f"{folder}/{IGNORE}", UNREAD.format("*.parquet")), (f"{place}/{IGNORE}", UNREAD.format("*"))]
    return [
        *unread,
        *reader_files(place),
        *_shared(place, ("web/load-table.ts", *names), folder, base),
        (types, _types(dataset)),
    ]


def client_hooks(files: Files) -> Files:
    """React's hooks as Next.js takes them: what runs in the browser alone says so."""
    return [(path, f'"use client";\n\n{text}' if "/use-" in path else text) for path, text in files]


def reader_files(place: str) -> Files:
    """What reads Parquet in a page, for the folder ``place``. Raises ``Unavailable`` where our front end has not been
    built."""
    try:
        reader = (BUNDLES / READER).read_text("utf-8")
    except FileNotFoundError:
        raise Unavailable(
            f"{READER} is missing: the front end of this checkout has not been built since it came in.",
            hint="Build it: cd labextension && npm ci && npm run build:prod",
            reason="not_built",
        ) from None
    types = (APP / "web" / "parquet-reader.d.ts").read_text("utf-8")
    return [(f"{place}/{READER}", reader), (f"{place}/parquet-reader.d.ts", types)]


def _shared(place: str, names: Sequence[str], folder: str, base: str = "") -> Files:
    """Files below ``APP``, put into the folder ``place``. ``base``: what a page's addresses begin with, as code."""
    fill = {"@FOLDER@": folder, "@BASE@": base, "@URL@": folder.removeprefix("public/")}
    files: Files = []
    for name in names:
        text = (APP / name).read_text("utf-8")
        for mark, value in fill.items():
            text = text.replace(mark, value)
        files.append((f"{place}/{Path(name).name}".lstrip("/"), text))
    return files


# The types of a dataset's columns


def _types(dataset: Dataset) -> str:
    row = row_type(dataset.name)
    fields = "".join(f"{_comment(column)}  {literal(column.name)}: {_type(column)};\n" for column in dataset.columns)
    return (
        f"// {EDITED}\n\n"
        f"export interface {row} {{\n{fields}}}\n\n"
        f'declare module "./load-table" {{\n  interface Tables {{\n    {dataset.name}: {row};\n  }}\n}}\n'
    )


def _javascript(dataset: Dataset) -> str:
    row = row_type(dataset.name)
    name, reader = row.removesuffix("Row"), 'import("./parquet-reader.js")'
    fields = (f"{literal(column.name)}: {_type(column)}" for column in dataset.columns)
    lines = "".join(f" *   {in_comment(field)},\n" for field in fields)
    return (
        f"// {EDITED}\n"
        'import { loadTable, watchTable } from "./load-table.js";\n\n'
        f"/**\n * @typedef {{{{\n{lines} * }}}} {row}\n */\n\n"
        f"/** @returns {{Promise<{reader}.Table<{row}>>}} */\n"
        f'export const load{name} = () => loadTable("{dataset.name}");\n\n'
        f"/** @param {{(state: {reader}.TableState<{row}>) => void}} draw called with each change */\n"
        f'export const watch{name} = (draw) => watchTable("{dataset.name}", draw);\n'
    )


def row_type(name: str) -> str:
    """The name of the type of a dataset's rows: ``sales_2026`` has ``Sales2026Row``."""
    return "".join(part.capitalize() for part in name.split("_")) + "Row"


_TYPES = {
    "boolean": "boolean",
    "integer": "number",
    "bigint": "bigint",
    "number": "number",
    "decimal": "string",
    "text": "string",
    "date": "string",
    "timestamp": "Date",
    "timestamp_tz": "Date",
    "time": "string",
    "duration": "number",
    "bytes": "Uint8Array",
    "category": "string",
    "list": "unknown[]",
    "struct": "Record<string, unknown>",
    "unknown": "unknown",
}

_MEANT = {
    "decimal": "exact, so a text: Number(…) to reckon with it",
    "date": "YYYY-MM-DD",
    "timestamp": 'of no zone, read as UTC: show it with timeZone "UTC"',
    "time": "hh:mm:ss, with what it has of a second",
    "duration": "milliseconds",
}


def _type(column: Column) -> str:
    found = _TYPES[column.type]
    if column.type == "category" and 0 < len(column.values) <= MOST_VALUES:
        found = " | ".join(literal(value) for value in column.values)
    return f"{found} | null" if column.nullable and found != "unknown" else found


def _comment(column: Column) -> str:
    said = [part for part in (_shown(column.detail), _MEANT.get(column.type, "")) if part]
    return f"  /** {in_comment(': '.join(said))} */\n" if said else ""


def _shown(text: str) -> str:
    return literal(text[:120])[1:-1]


def in_comment(code: str) -> str:
    """Code or text that ends no comment: in a text of JavaScript the two mean the same."""
    return code.replace("*/", "*\\/")


def literal(text: str) -> str:
    """``text`` as JavaScript and TypeScript write it, on one line. Nothing in it is invisible, turns the line round or
    would end a script in HTML."""
    code = json.dumps(text, ensure_ascii=False).replace("</", "<\\/")
    return "".join(_escape(one) if unicodedata.category(one) in _HIDDEN else one for one in code)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\u{{{code:x}}}"


_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
