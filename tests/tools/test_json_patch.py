"""JSON Patch: what each operation does, and what is said of one that does not fit."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_appbuilder.errors import InvalidInput
from jupyter_appbuilder.tools.json_patch import patched

DOCUMENT: dict[str, Any] = {"pages": [{"path": "/"}, {"path": "/b"}], "a/b": 1, "m~n": {"x": None}}


CHANGES: list[tuple[list[dict[str, Any]], tuple[str | int, ...], Any]] = [
    ([{"op": "add", "path": "/pages/-", "value": 3}], ("pages", 2), 3),
    ([{"op": "add", "path": "/pages/0", "value": 3}], ("pages", 1), {"path": "/"}),
    ([{"op": "remove", "path": "/pages/0"}], ("pages", 0), {"path": "/b"}),
    ([{"op": "replace", "path": "/a~1b", "value": 2}], ("a/b",), 2),
    ([{"op": "replace", "path": "/m~0n/x", "value": 2}], ("m~n", "x"), 2),
    ([{"op": "move", "from": "/pages/0", "path": "/pages/1"}], ("pages", 0), {"path": "/b"}),
    ([{"op": "copy", "from": "/pages/0", "path": "/first"}], ("first",), {"path": "/"}),
    ([{"op": "test", "path": "/a~1b", "value": 1}, {"op": "add", "path": "/c", "value": []}], ("c",), []),
    ([{"op": "replace", "path": "", "value": {"new": 1}}], ("new",), 1),
]


@pytest.mark.parametrize(("patch", "path", "value"), CHANGES)
def test_an_operation_changes_a_copy(patch: list[dict[str, Any]], path: tuple[str | int, ...], value: Any) -> None:
    before = repr(DOCUMENT)
    found: Any = patched(DOCUMENT, patch)
    for part in path:
        found = found[part]
    assert found == value
    assert repr(DOCUMENT) == before


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ({"op": "remove", "path": "/page"}, "Did you mean pages?"),
        ({"op": "remove", "path": "/pages/7"}, "The list has 2"),
        ({"op": "add", "path": "/pages/7", "value": 1}, "behind the end of a list of 2"),
        ({"op": "add", "path": "/pages/-1", "value": 1}, "'-1' is no place in it"),
        ({"op": "add", "path": "/a~1b/x", "value": 1}, "holds nothing"),
        ({"op": "add", "path": "pages", "value": 1}, "is no path"),
        ({"op": "move", "from": "/pages", "path": "/pages/0"}, "into itself"),
        ({"op": "test", "path": "/a~1b", "value": 2}, "/a~1b is 1."),
        ({"op": "remove", "path": ""}, "cannot be removed"),
    ],
)
def test_an_operation_that_does_not_fit_is_told_by_its_number(step: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        patched(DOCUMENT, [{"op": "test", "path": "/a~1b", "value": 1}, step])
    assert refused.value.message.startswith("Operation 1: ")
    assert told in f"{refused.value.message} {refused.value.hint}"
