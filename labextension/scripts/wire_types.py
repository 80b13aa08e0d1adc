"""Writes the panel's types of what the server sends and takes: `python labextension/scripts/wire_types.py`.

``events.generated.ts`` follows ``jupyter_appbuilder/events.py``, read as source so that comments come along;
``api.generated.ts`` follows the schemas of ``server/openapi.yaml`` that are no events, and ``testing/tools.json`` is what
our tools say of themselves; ``testing/said.json`` has the texts of the server that the panel translates. tests/test_generated.py fails while one is not what this gives.
"""

import ast
import json
import re
import textwrap
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import yaml

from jupyter_appbuilder import events
from jupyter_appbuilder.approvals.rules import DEFAULT_RULES
from jupyter_appbuilder.models.demo.recordings import find_recordings
from jupyter_appbuilder.templates.templates import SOURCE as TEMPLATES
from jupyter_appbuilder.templates.templates import Template
from jupyter_appbuilder.tools.registry import load_tools

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "jupyter_appbuilder" / "events.py"
CONTRACT = ROOT / "jupyter_appbuilder" / "server" / "openapi.yaml"
FOLDER = ROOT / "labextension" / "src" / "core" / "wire"

WIDTH = 120
SCALARS = {"str": "string", "int": "number", "float": "number", "bool": "boolean", "None": "null", "Any": "unknown"}
JSON_TYPES = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}

SAME = {"ToolCall": "ToolCallData", "Usage": "UsageData", "Preview": "PreviewStatus"}
"""What events.py has under another name."""

RENAMED = {"Error": "ErrorBody"}
"""A global of TypeScript's has the name."""

ASSEMBLED = {"Event", "EventsMessage", "TailMessage", "LiveMessage", "WireMessage"}
"""They only put others together; wire.ts does that with the types above as parameters."""


def main() -> None:
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def files() -> dict[str, str]:
    """What each generated file should hold, by its name."""
    return {"events.generated.ts": events_file(), "api.generated.ts": api_file(), "../testing/tools.json": tools_file(), "../testing/said.json": said_file()}


def tools_file() -> str:
    """What ``GET tools`` says of our own tools, for the panel's tests."""
    tools = [tool.to_json() for tool in load_tools().values() if tool.run.__module__.startswith("jupyter_appbuilder.")]
    return json.dumps(tools, indent=2) + "\n"


def said_file() -> str:
    """What the server says of its own tools, templates and demos, for people."""
    tools = [tool for tool in json.loads(tools_file()) if tool["doing"]]
    shelves = [Template.load(manifest.parent) for manifest in sorted(TEMPLATES.glob("*/template.toml"))]
    said = {
        "tools": [text for tool in tools for text in (tool["doing"], tool["did"])],
        "templates": [text for template in shelves for text in (template.title, template.summary, *template.prompts)],
        "rules": [rule.reason for rule in DEFAULT_RULES],
        "demos": [recording.title for recording in find_recordings().values() if not recording.function],
    }
    return json.dumps({kind: list(dict.fromkeys(texts)) for kind, texts in said.items()}, indent=2) + "\n"


# events.py


def events_file() -> str:
    source = SOURCE.read_text(encoding="utf-8")
    comments = comments_by_line(source)
    parts = [header("jupyter_appbuilder/events.py")]
    body = ast.parse(source).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        match node:
            case ast.Assign(targets=[ast.Name(name)], value=ast.Subscript(value=ast.Name("Literal"))):
                parts.append(documented(docstring(after), f"export type {name} = {python_type(node.value)};"))
            case ast.Assign(targets=[ast.Name(name)], value=ast.Constant(str(value))):
                parts.append(documented(docstring(after), f"export const {name} = '{value}';"))
            case ast.ClassDef(name=name, bases=[ast.Name("TypedDict")]):
                parts.append(typed_dict(node, comments))
            case _:
                pass
    parts.append(by_type("EventData", "The data of every stored event, by its type.", events.PAYLOADS))
    parts.append(by_type("LiveData", "The data of every live message, by its type.", events.LIVE))
    return "\n\n".join(parts) + "\n"


def typed_dict(node: ast.ClassDef, comments: Mapping[int, str]) -> str:
    internal = {key for type, keys in events.INTERNAL.items() if events.PAYLOADS[type].__name__ == node.name for key in keys}
    partial = any(keyword.arg == "total" for keyword in node.keywords)
    fields: list[str] = []
    for field in node.body:
        match field:
            case ast.AnnAssign(target=ast.Name(name), annotation=annotation) if name not in internal:
                optional = partial
                if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "NotRequired":
                    optional, annotation = True, annotation.slice
                fields.append(member(name, python_type(annotation), optional, comment_of(field, comments)))
            case _:
                pass
    return interface(node.name, fields, ast.get_docstring(node) or "")


def python_type(node: ast.expr) -> str:
    match node:
        case ast.Name(name):
            return SCALARS.get(name, name)
        case ast.Constant(None):
            return "null"
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return f"{python_type(left)} | {python_type(right)}"
        case ast.Subscript(value=ast.Name("Literal"), slice=values):
            literals = values.elts if isinstance(values, ast.Tuple) else [values]
            return union(ast.literal_eval(value) for value in literals)
        case ast.Subscript(value=ast.Name("list"), slice=of):
            return f"readonly {python_type(of)}[]"
        case ast.Subscript(value=ast.Name("dict"), slice=ast.Tuple(elts=[_, of])):
            return f"Readonly<Record<string, {python_type(of)}>>"
        case _:
            raise ValueError(f"No TypeScript for {ast.unparse(node)}: add it to wire_types.py.")


def by_type(name: str, text: str, payloads: Mapping[str, type]) -> str:
    return interface(name, [member(f"'{key}'", payload.__name__, False, "") for key, payload in payloads.items()], text)


def comments_by_line(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def comment_of(field: ast.AnnAssign, comments: Mapping[int, str]) -> str:
    """What is said of a field: in the comment behind it, or in those above."""
    if beside := comments.get(field.lineno):
        return beside
    above: list[str] = []
    line = field.lineno - 1
    lines = SOURCE.read_text(encoding="utf-8").splitlines()
    while line in comments and lines[line - 1].lstrip().startswith("#"):
        above.insert(0, comments[line])
        line -= 1
    return " ".join(above)


def docstring(node: ast.stmt | None) -> str:
    match node:
        case ast.Expr(value=ast.Constant(str(text))):
            return text
        case _:
            return ""


# openapi.yaml


def api_file() -> str:
    schemas: dict[str, Any] = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))["components"]["schemas"]
    known = {name for name in [*vars(events), *SAME] if name in schemas}
    parts: list[str] = []
    for name, schema in schemas.items():
        if name in known or name in ASSEMBLED:
            continue
        if schema.get("type") == "object" and "properties" in schema:
            parts.append(interface(RENAMED.get(name, name), members(schema), schema.get("description", "")))
        else:
            parts.append(documented(schema.get("description", ""), f"export type {name} = {json_type(schema)};"))
    text = "\n\n".join(parts)
    named = set(re.findall(r"\w+", re.sub(r"/\*\*.*?\*/", "", text, flags=re.DOTALL)))
    used = sorted({SAME.get(name, name) for name in known} & named)
    imports = f"import type {{ {', '.join(used)} }} from './events.generated';"
    return "\n\n".join([header("jupyter_appbuilder/server/openapi.yaml"), imports, text]) + "\n"


def members(schema: Mapping[str, Any]) -> list[str]:
    required = schema.get("required", ())
    return [
        member(name, json_type(value), name not in required, value.get("description", ""))
        for name, value in schema["properties"].items()
    ]


def json_type(schema: Mapping[str, Any]) -> str:
    if reference := schema.get("$ref"):
        name = str(reference).rpartition("/")[2]
        return SAME.get(name, name)
    if "const" in schema:
        return union([schema["const"]])
    if "enum" in schema:
        return union(schema["enum"])
    if "oneOf" in schema:
        return " | ".join(sorted((json_type(choice) for choice in schema["oneOf"]), key="null".__eq__))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(JSON_TYPES[one] for one in kind)
    if kind == "array":
        of = json_type(schema["items"])
        return f"readonly {f'({of})' if ' ' in of and not of.startswith('{') else of}[]"
    if kind == "object":
        if "properties" in schema:
            return "{\n" + textwrap.indent("\n".join(members(schema)), "  ") + "\n}"
        of = schema.get("additionalProperties")
        return f"Readonly<Record<string, {json_type(of) if isinstance(of, dict) else 'unknown'}>>"
    return JSON_TYPES[kind] if kind else "unknown"


# TypeScript


def header(source: str) -> str:
    return f"/** Written by scripts/wire_types.py from {source}: change that, and run it again. */"


def interface(name: str, fields: Iterable[str], text: str) -> str:
    body = textwrap.indent("\n".join(fields), "  ")
    return documented(text, f"export interface {name} {{\n{body}\n}}" if body else f"export type {name} = Record<string, never>;")


def member(name: str, type: str, optional: bool, text: str) -> str:
    return documented(text, f"{name}{'?' if optional else ''}: {type};")


def documented(text: str, code: str) -> str:
    text = " ".join(text.replace("``", "`").split())
    if not text:
        return code
    if len(text) <= WIDTH - 10:
        return f"/** {text} */\n{code}"
    return "/**\n" + textwrap.indent(textwrap.fill(text, WIDTH - 10), " * ") + f"\n */\n{code}"


def union(values: Iterable[object]) -> str:
    return " | ".join(quoted(values))


def quoted(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        yield f"'{value}'" if isinstance(value, str) else str(value)


if __name__ == "__main__":
    main()
