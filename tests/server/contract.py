"""openapi.yaml as a judge: whether an answer is one the document promises."""

from __future__ import annotations

import json
import re
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from jupyter_appbuilder.server.contract import contract

DOCUMENT = contract()
REGISTRY = Registry().with_resource("urn:openapi", DRAFT202012.create_resource(DOCUMENT))


def pointer(*parts: str) -> str:
    return "urn:openapi#" + "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def validate(value: Any, reference: str) -> None:
    Draft202012Validator({"$ref": reference}, registry=REGISTRY, format_checker=FormatChecker()).validate(value)


def validate_as(value: Any, schema: str) -> None:
    """Fail unless ``value`` is a ``components/schemas/<schema>``."""
    validate(value, pointer("components", "schemas", schema))


def operation(method: str, path: str) -> tuple[str, str]:
    """The documented path that ``path`` (below appbuilder/api) is, and the method, in the document's spelling."""
    found = []
    for template in DOCUMENT["paths"]:
        names = re.sub(r"{(\w+)}", lambda m: "(.+)" if m[1] == "path" else "([^/]+)", template.replace(".", r"\."))
        if re.fullmatch(names, path):
            found.append(template)
    assert found, f"{path} is not in openapi.yaml"
    template = min(found, key=lambda name: name.count("{"))
    assert method.lower() in DOCUMENT["paths"][template], f"{method} {template} is not in openapi.yaml"
    return template, method.lower()


def judge(method: str, path: str, status: int, content_type: str, body: bytes) -> None:
    """Fail unless openapi.yaml promises this answer to this request."""
    template, method = operation(method, path)
    where = ["paths", template, method, "responses"]
    responses = DOCUMENT["paths"][template][method]["responses"]
    assert str(status) in responses, f"{method} {template} answers {status}, which openapi.yaml does not say: {body!r}"
    where.append(str(status))
    response = responses[str(status)]
    if "$ref" in response:
        where = response["$ref"].removeprefix("#/").split("/")
        response = DOCUMENT["components"]["responses"][where[-1]]
    contents = response.get("content", {})
    if not contents:
        assert body == b"", f"{method} {template} answers {status} with a body that openapi.yaml does not know"
        return
    kind = content_type.partition(";")[0]
    documented = next((name for name in contents if re.fullmatch(name.replace("*", ".*"), kind)), None)
    assert documented, f"{method} {template} answers with {kind}, openapi.yaml says {list(contents)}"
    if kind == "application/json":
        validate(json.loads(body), pointer(*where, "content", documented, "schema"))
