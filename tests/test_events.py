"""The vocabulary of the log is one list."""

from __future__ import annotations

import ast
import inspect

import pytest

from jupyter_appbuilder import events, wire
from jupyter_appbuilder.agents.history import messages
from jupyter_appbuilder.client.feed import Feed
from jupyter_appbuilder.notebook.document import document


@pytest.mark.parametrize(
    ("module", "union", "payloads"),
    [(events, "Event", events.PAYLOADS), (wire, "EventJson", events.PAYLOADS), (wire, "LiveMessage", events.LIVE)],
)
def test_type_checkers_know_every_event_and_live_message_by_its_own_data(module, union, payloads):
    tree = ast.parse(inspect.getsource(module))
    (alias,) = [n for n in ast.walk(tree) if isinstance(n, ast.AnnAssign) and ast.unparse(n.target) == union]
    of = [
        node.slice
        for node in ast.walk(alias)
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("Of")
    ]
    named = {ast.unparse(one) for one in of}
    known = {f"(Literal[{type!r}], {payload.__name__})" for type, payload in payloads.items()}
    assert named == known, f"{union} in {module.__file__} lacks {known - named}, and has {named - known} beside."


def test_readers_pass_over_an_event_of_a_newer_versions_type():
    created = {"name": "board", "title": "", "root": "", "path": "", "template": "static"}
    created |= {"template_tree": "", "model": "m", "sandbox": "local"}
    known = [events.stored("s", 1, 0.0, "session.created", created)]
    newer = events.stored("s", 2, 0.0, "mood.changed", {"turn": "t1"})
    assert messages([*known, newer], "") == messages(known, "")
    assert document([*known, newer], "")["cells"] == document(known, "")["cells"]
    feed = Feed()
    assert feed.take({"kind": "events", "events": [newer.to_json()]}) == []
