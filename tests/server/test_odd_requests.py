"""Every route, every parameter and every key of every body, with values that no client of ours sends.

Each answer is one that openapi.yaml promises, and none is a fault of the server's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from tornado.httpclient import HTTPError

from .contract import DOCUMENT, judge

BIG = "9" * 30
HUGE = "9" * 5000
TEXTS = ["abc", "-1", "1.5", BIG, HUGE, "NaN", "Infinity", "1e999", "\u0663", "\u00b2", "\0", "a\nb", "\u2028"]
RAW = ["%FF", "%ED%A0%80", "%00", "%2e%2e%2f%2e%2e%2fetc", "%C0%AF", "%"]
"""Percent-encoded: bytes that are no UTF-8, half a surrogate pair, a NUL."""

VALUES = [
    "true",
    "-1",
    "1.5",
    BIG,
    HUGE,
    "NaN",
    "-Infinity",
    "1e999",
    '"\\ud800"',
    '"a\\u0000b"',
    '"\\u2028"',
    "[]",
    "{}",
]
VALUES += ["[[{}]]", '{"a": "\\udfff"}', '""', '" "', '"' + "x" * 300_000 + '"', "[" * 5000 + "]" * 5000]
"""JSON, or what many libraries write for it."""

BODIES = [b"null", b"[]", b'"x"', b"1", b'{"a":', b"\xff\xfe{\x00}\x00", b'{"\xed\xa0\x80": 1}', b'{"a": 1} x', b"NaN"]
BODIES += ['{"a": 1}'.encode("utf-16"), b"\xef\xbb\xbf{}", b'{"\\ud800": 1}', b'{"constructor": 1}', b"[" * 100_000]
HEADERS = ["abc", "-1", BIG, '"', "*,", "x" * 5000, "\u00b2", "\xff"]


@dataclass
class Odd:
    method: str
    path: str
    query: str = ""
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    about: str = ""


def referred(thing: Any) -> Any:
    while "$ref" in thing:
        found: Any = DOCUMENT
        for part in thing["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        thing = found
    return thing


def operations() -> Iterator[tuple[str, str, list[Any], dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                both = [*item.get("parameters", ()), *operation.get("parameters", ())]
                yield method.upper(), path, [referred(parameter) for parameter in both], operation


def example(schema: Any) -> Any:
    """The least that a schema takes."""
    schema = referred(schema)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type", "object"):
        case "boolean":
            return False
        case "integer" | "number":
            return 1
        case "object":
            return {name: example(schema["properties"][name]) for name in schema.get("required", ())}
        case _:
            return "x"


def odd_requests(
    method: str, path: str, parameters: list[Any], operation: dict[str, Any], known: dict[str, str]
) -> Iterator[Odd]:
    def filled(**changes: str) -> str:
        return re.sub(r"{(\w+)}", lambda name: changes.get(name[1], known[name[1]]), path)

    content = referred(operation.get("requestBody", {})).get("content", {})
    schema = referred(content["application/json"]["schema"]) if "application/json" in content else {}
    least = example(schema) if schema else None
    sound = json.dumps(least).encode() if schema else None
    kind = {"Content-Type": "application/json"} if schema else {}
    for parameter in parameters:
        name = parameter["name"]
        match parameter["in"]:
            case "path":
                for text in [*map(quote_all, TEXTS), *RAW]:
                    yield Odd(method, filled(**{name: text}), body=sound, headers=kind, about=f"{name}={text[:60]}")
            case "query":
                for text in [*map(quote_all, TEXTS), *RAW]:
                    yield Odd(method, filled(), f"{name}={text}", sound, kind, f"{name}={text[:60]}")
            case _:
                for text in HEADERS:
                    yield Odd(method, filled(), body=sound, headers=kind | {name: text}, about=f"{name}: {text[:60]}")
    if schema:
        for body in BODIES:
            yield Odd(method, filled(), body=body, headers=kind, about=repr(body[:60]))
        for name in schema.get("properties", ()):
            for value in VALUES:
                others = {key: value for key, value in least.items() if key != name}
                text = json.dumps(others)[:-1] + (", " if others else "") + f'"{name}": {value}}}'
                yield Odd(method, filled(), body=text.encode(), headers=kind, about=f"{name}: {value[:60]}")


def quote_all(text: str) -> str:
    return quote(text, safe="")


@pytest.fixture
def raw(http_server_client, jp_base_url, jp_auth_header):
    async def fetch(odd: Odd):
        url = f"{jp_base_url}appbuilder/api{odd.path}" + (f"?{odd.query}" if odd.query else "")
        return await http_server_client.fetch(
            url,
            method=odd.method,
            headers=odd.headers | jp_auth_header,
            body=odd.body,
            allow_nonstandard_methods=True,
            follow_redirects=False,
            request_timeout=10,
            raise_error=False,
        )

    return fetch


OPERATIONS = list(operations())


def area_of(path: str) -> str:
    """Routes that are tried together, on one session."""
    parts = path.strip("/").split("/")
    return parts[2] if len(parts) > 2 else parts[0]


@pytest.mark.parametrize("area", sorted({area_of(path) for _, path, _, _ in OPERATIONS}))
async def test_odd_values_are_refused_with_a_sentence(raw, new_session, call, area):
    id = await new_session(title="Odd")
    [checkpoint] = (await call("GET", "sessions", id, "checkpoints")).data
    known = {"session": id, "checkpoint": checkpoint["id"], "path": "index.html", "host": "example.org"}
    known |= {
        "tool": "list_files",
        "plan": "p1",
        "approval": "a1",
        "rule": "r1",
        "template": "static",
        "provider": "custom",
        "format": "json",
        "name": "adding",
        "sha256": "0" * 64,
        "target": "here",
        "number": "1",
        "look": "A" * 22,
        "copy": "c1",
    }
    if area == "datasets":
        begun = await call("POST", "sessions", id, "datasets", "uploads", json={"file": "sales.csv", "size": 4})
        known["upload"] = begun.data["upload"]
    wrong: list[str] = []
    for method, path, parameters, operation in OPERATIONS:
        if area_of(path) != area or path.endswith("/channel"):
            continue
        for odd in odd_requests(method, path, parameters, operation, known):
            try:
                answer = await raw(odd)
            except HTTPError as error:  # it was taken for sound, and something is streamed
                wrong.append(f"{method} {path} {odd.about} -> {error}")
                continue
            found = f"{method} {path} {odd.about} -> {answer.code} {answer.body[:100]!r}"
            if answer.code >= 500:
                wrong.append(found)
            elif answer.code == 400 and not json.loads(answer.body)["message"].endswith((".", "?")):
                wrong.append(f"{found}: no sentence")
            elif "/etc" not in odd.about:
                try:
                    judge(method, odd.path, answer.code, answer.headers.get("Content-Type", ""), answer.body)
                except AssertionError as error:
                    if "is not in openapi.yaml" not in str(error):  # another address
                        wrong.append(f"{found}: {str(error)[:200]}")
    assert not wrong, f"{len(wrong)} of them:\n" + "\n".join(wrong[:40])
