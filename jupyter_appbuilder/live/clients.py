"""What an app calls functions of the notebook with: files written into it, typed where its language has types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..datasets.loaders import NEXT, RELATIVE, VITE, client_hooks, in_comment, literal, python_reader, reader_files
from .base import Function, Kind, Parameter

APP = Path(__file__).parent / "app"

EDITED = "Written by App Builder with the functions. It is written anew with them: change nothing here."

CALL_PYTHON = "python/call_python.py"
AS_FRAMES = {"@ROWS@": "parquet", "@FRAME@": "a pandas frame"}
AS_DICTS = {"@ROWS@": "json", "@FRAME@": "a list of dicts: times in ISO 8601, decimals as texts"}
"""For a server that has nothing to read Parquet with: it would be the largest of its packages."""

Files = list[tuple[str, str]]


def client_files(kind: str, function: Function, folder: str = "data", calling: str = "") -> Files:
    """Paths in the app, and contents, of what calls ``function``; those that all functions share, too. ``kind`` is one
    of ``datasets.base.LOADERS``; ``folder``: where the app's data lie; ``calling``: where its server in Python does,
    beside a page. Raises ``Unavailable`` where our front end has not been built."""
    files = KINDS[kind](function)
    if kind in PYTHON:
        return [*python_reader(folder), *files]
    return [*_shared(calling, (CALL_PYTHON,), fill=AS_DICTS), *files] if calling else files


def own_file(kind: str, name: str) -> str:
    """The path of the file that one function alone has; "" where there is none."""
    return OWN[kind].format(name) if kind in OWN else ""


def _react(function: Function) -> Files:
    return _typescript("react", "src", ("react/use-python.ts",), VITE, function)


def _vue(function: Function) -> Files:
    return _typescript("vue", "src", ("vue/use-python.ts",), VITE, function)


def _next(function: Function) -> Files:
    return client_hooks(_typescript("next", "lib", ("react/use-python.ts",), NEXT, function))


def _components(function: Function) -> Files:
    return _typescript("components", "lib", ("react/use-python.ts",), RELATIVE, function)


def _module(function: Function) -> Files:
    own = (own_file("module", function.name), _javascript(function))
    return [*reader_files("js/datasets"), *_shared("js/python", ("module/call-python.js",)), own]


def _python(function: Function) -> Files:
    return _shared("", (CALL_PYTHON,), fill=AS_FRAMES)


def _none(function: Function) -> Files:
    return []


KINDS: Mapping[str, Callable[[Function], Files]] = {
    "none": _none,
    "react": _react,
    "vue": _vue,
    "next": _next,
    "components": _components,
    "module": _module,
    "python": _python,
    "panel": _python,
}
PYTHON = ("python", "panel")

OWN = {
    "react": "src/python/{}.ts",
    "vue": "src/python/{}.ts",
    "next": "lib/python/{}.ts",
    "components": "lib/python/{}.ts",
    "module": "js/python/{}.js",
}


def _typescript(kind: str, root: str, names: Sequence[str], base: str, function: Function) -> Files:
    shared = _shared(f"{root}/python", ("web/call-python.ts", *names), base)
    return [*reader_files(f"{root}/datasets"), *shared, (own_file(kind, function.name), _types(function))]


def _shared(place: str, names: Sequence[str], base: str = "", fill: Mapping[str, str] | None = None) -> Files:
    """Files below ``APP``, put into the folder ``place``. ``base``: what a page's addresses begin with, as code;
    ``fill``: texts for other marks."""
    files: Files = []
    for name in names:
        text = (APP / name).read_text("utf-8")
        for mark, value in {"@BASE@": base, **(fill or {})}.items():
            text = text.replace(mark, value)
        files.append((f"{place}/{Path(name).name}".lstrip("/"), text))
    return files


# The types of a function's parameters


def _types(function: Function) -> str:
    given = type_name(function.name)
    fields = "".join(_field(one) for one in function.parameters)
    more = "  [more: string]: unknown;\n" if function.more else ""
    return (
        f"// {EDITED}\n\n"
        f"{_comment(function.doc, '')}export interface {given} {{\n{fields}{more}}}\n\n"
        f'declare module "./call-python" {{\n  interface Functions {{\n'
        f"    {function.name}: {{ arguments: {given}; result: {_result(function)} }};\n  }}\n}}\n"
    )


def _javascript(function: Function) -> str:
    given = type_name(function.name)
    lines = "".join(
        f" *   {literal(one.name)}{_optional(one)}: {in_comment(_type(one))},\n" for one in function.parameters
    )
    doc = f" * {in_comment(literal(function.doc)[1:-1])}\n" if function.doc else ""
    return (
        f"// {EDITED}\n"
        'import { callPython } from "./call-python.js";\n\n'
        f"/**\n{doc} * @typedef {{{{\n{lines} * }}}} {given}\n */\n\n"
        f"/**\n * @param {{{given}}} given\n * @returns {{Promise<{_result(function)}>}}\n */\n"
        f'export const {function.name} = (given) => callPython("{function.name}", given);\n'
    )


def type_name(name: str) -> str:
    """The name of the type of a function's arguments: ``sales_of`` takes ``SalesOfArguments``."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_")) + "Arguments"


_TYPES: Mapping[Kind, str] = {
    "int": "number",
    "float": "number",
    "str": "string",
    "bool": "boolean",
    "date": "string",
    "datetime": "string",
    "list": "unknown[]",
    "dict": "Record<string, unknown>",
    "any": "unknown",
}
_MEANT: Mapping[Kind, str] = {"int": "A whole number.", "date": "YYYY-MM-DD.", "datetime": "ISO 8601."}


def _type(one: Parameter) -> str:
    if one.values:
        found = " | ".join(_literal(value) for value in one.values)
    elif one.kind == "list" and one.items != "any":
        found = f"{_TYPES[one.items]}[]"
    else:
        found = _TYPES[one.kind]
    return f"{found} | null" if one.nullable and found != "unknown" else found


def _literal(value: str | int | bool) -> str:
    return literal(value) if isinstance(value, str) else str(value).lower()


def _field(one: Parameter) -> str:
    said = [_MEANT.get(one.kind, ""), f"Otherwise {one.default}." if one.default else ""]
    return f"{_comment(' '.join(filter(None, said)), '  ')}  {literal(one.name)}{_optional(one)}: {_type(one)};\n"


def _optional(one: Parameter) -> str:
    return "" if one.required else "?"


def _result(function: Function) -> str:
    # What Python returns is checked by nobody: the page's author says what it is.
    return "Record<string, any>[]" if function.returns == "rows" else "any"


def _comment(text: str, indent: str) -> str:
    return f"{indent}/** {in_comment(literal(text)[1:-1])} */\n" if text else ""
