"""The vocabulary of the log is one list."""

from __future__ import annotations

import ast
import inspect

from jupyter_appbuilder import events


def test_type_checkers_know_every_event_by_its_own_data():
    tree = ast.parse(inspect.getsource(events))
    (alias,) = [n for n in ast.walk(tree) if isinstance(n, ast.AnnAssign) and ast.unparse(n.target) == "Event"]
    of = [
        node.slice
        for node in ast.walk(alias)
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "EventOf"
    ]
    assert {ast.unparse(one) for one in of} == {
        f"(Literal[{type!r}], {payload.__name__})" for type, payload in events.PAYLOADS.items()
    }
