"""The widget speaks over its comm what the panel speaks over its WebSocket."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from engines import DEMO, prepared

from jupyter_appbuilder import App
from jupyter_appbuilder.client import bundled
from jupyter_appbuilder.client.preview_widget import PreviewWidget
from jupyter_appbuilder.client.widget import AppWidget


class FrontEnd:
    """The browser's side of a widget: what it got, and how to ask."""

    def __init__(self, widget: Any) -> None:
        self.widget = widget
        self.got: list[Any] = []
        widget.send = lambda content, buffers=None: self.got.append(content)

    def say(self, content: Any, files: Sequence[memoryview] = ()) -> None:
        self.widget._handle_custom_msg(content, files)

    def ask(self, method: str, *files: bytes, **params: Any) -> Any:
        id = len(self.got) + 1000
        self.say({"id": id, "method": method, "params": params}, [memoryview(file) for file in files])
        return self.until(lambda message: message.get("reply") == id)

    def until(self, fits: Callable[[Any], bool], seconds: float = 60) -> Any:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for message in list(self.got):
                if fits(message):
                    return message
            time.sleep(0.02)
        raise AssertionError(f"never came; the last were {self.got[-3:]}")


def has(message: Any, type: str) -> bool:
    return message.get("kind") == "events" and any(event["type"] == type for event in message["events"])


def test_a_session_is_watched_and_asked_over_the_comm(tmp_path: Path):
    with prepared(tmp_path):
        app = App("shown")
        page = FrontEnd(app.widget())
        assert page.ask("watch", after=0)["ok"]
        page.until(lambda message: message.get("kind") == "snapshot")
        assert page.ask("send", text=DEMO)["result"] == {"turn": "t1"}
        page.until(lambda message: has(message, "turn.finished"))
        assert any(message.get("type") == "text.delta" for message in page.got)
        seen = [event["seq"] for message in page.got if message.get("kind") == "events" for event in message["events"]]
        assert seen == list(range(1, len(seen) + 1))

        versions = app.checkpoints
        assert "src/App.tsx" in page.ask("diff", checkpoint=versions[0].id)["result"]
        assert page.ask("restore", checkpoint=versions[-1].id)["ok"]
        assert app.tree == versions[-1].tree

        assert [turn["turn"] for turn in page.ask("usage")["result"]["turns"]] == ["t1"]
        raised = page.ask("raise", tokens=5)["result"]["budgets"]
        assert ("session", 5) in [(budget["scope"], budget["limit"]) for budget in raised]
        assert app.usage["budgets"] == raised
        assert "number of at least 0" in page.ask("raise", tokens=-5)["error"]["message"]

        # Coming back asks for what follows: nothing doubled.
        last = app.summary["last_seq"]
        page.got.clear()
        page.ask("watch", after=last - 1)
        page.until(lambda message: message.get("kind") == "snapshot")
        again = [event["seq"] for message in page.got if message.get("kind") == "events" for event in message["events"]]
        assert again == [last]


def test_rules_budgets_and_what_is_pointed_at_are_the_panels_and_a_fork_takes_the_widget_over(tmp_path: Path):
    with prepared(tmp_path):
        app = App("pointed", template="static")
        app.write("index.html", "<!doctype html><h1>Hello</h1>")
        widget = app.widget()
        page = FrontEnd(widget)
        page.ask("watch", after=0)

        rule = {"tool": "run_command", "pattern": "git push *", "action": "deny"}
        assert page.ask("set_rule", **rule, app=True)["ok"]
        (made,) = [one for one in page.ask("rules", app=True)["result"] if one["source"] == "app"]
        assert made["pattern"] == "git push *"
        assert not [one for one in page.ask("rules", app=False)["result"] if one["source"] in ("app", "person")]
        assert page.ask("set_rule", **rule, app=False)["ok"]
        (own,) = [one for one in page.ask("rules", app=False)["result"] if one["source"] == "person"]
        assert page.ask("remove_rule", rule=own["id"], app=False)["ok"]
        gone = page.ask("remove_rule", rule=made["id"], app=True)["result"]
        assert not [one for one in gone if one["source"] in ("app", "person")]
        assert (
            page.ask("set_rule", tool="run_command", pattern="x", action="hope", app=True)["error"]["field"] == "action"
        )

        assert page.ask("budgets", changes={"day": {"dollars": 5}})["result"]["own"]["day"]["dollars"] == 5
        for wrong in ({}, {"week": {}}, {"day": 5}, {"day": {"dollars": "5"}}, [], None):
            assert page.ask("budgets", changes=wrong)["error"]["reason"] == "invalid_input"
        assert page.ask("report", days=7)["result"]["today"]["requests"] == 0
        assert page.ask("requests", days=7, format="csv")["result"].startswith("at,")

        claim = {"tag": "h1", "role": "heading", "text": "Hello", "path": "/"}
        found = page.ask("point", pointed=claim)["result"]
        assert (found["pointed"]["text"], found["literal"]) == ("Hello", True)
        assert page.ask("change_text", pointed=claim, text="Good day")["ok"]
        assert "Good day" in app.read("index.html")
        assert page.ask("point", pointed={"tag": "<h1>"})["error"]["field"] == "pointed"

        fork = page.ask("fork", checkpoint=app.checkpoints[0].id)["result"]
        assert page.ask("open", session=fork["id"])["ok"]
        assert widget.session == fork["id"]
        page.got.clear()
        page.ask("watch", after=0)
        page.until(lambda message: has(message, "session.forked"))
        assert page.ask("open", session="nothing")["error"]["reason"] == "unknown_session"
        assert page.ask("usage")["result"]["session"] == fork["id"]
        assert app.id != fork["id"]


def test_files_are_attached_over_the_comm(tmp_path: Path):
    with prepared(tmp_path):
        app = App("attached")
        page = FrontEnd(app.widget())
        assert page.ask("watch", after=0)["ok"]
        notes = page.ask("attach", b"# Blue", name="../notes.md")["result"]
        assert (notes["name"], notes["text"], notes["picture"]) == ("notes.md", True, False)
        assert "did not arrive" in page.ask("attach", name="notes.md")["error"]["message"]
        assert "secrets" in page.ask("attach", b"A=1", name=".env")["error"]["message"]
        assert "no longer there" in page.ask("send", text=DEMO, attachments=["../notes.md"])["error"]["message"]
        assert page.ask("send", text=DEMO, attachments=[notes["attachment"]])["ok"]
        told = page.until(lambda message: has(message, "message.user"))
        (said,) = [event["data"] for event in told["events"] if event["type"] == "message.user"]
        assert [(one["name"], one["text"]) for one in said["attachments"]] == [("notes.md", "# Blue")]
        page.ask("stop")


def test_two_views_that_ask_at_once_get_each_word_once(tmp_path: Path):
    with prepared(tmp_path):
        page = FrontEnd(App().widget())  # the first request makes its session, which takes a moment
        for id in (1, 2):
            page.say({"id": id, "method": "watch", "params": {"after": 0}})
        for id in (1, 2):
            page.until(lambda message, id=id: message.get("reply") == id)
        page.ask("send", text=DEMO)
        page.until(lambda message: has(message, "turn.finished"))
        numbers = [message["n"] for message in page.got if message.get("kind") == "live"]
        assert len(numbers) == len(set(numbers))


def test_the_preview_address_is_whole_and_never_in_the_stored_state(tmp_path: Path):
    with prepared(tmp_path):
        widget = App("framed").widget()
        page = FrontEnd(widget)
        page.ask("watch", after=0)
        assert page.ask("preview", action="start")["ok"]
        ready = page.until(lambda message: message.get("type") == "preview" and message["data"]["state"] == "ready")
        assert ready["data"]["url"].startswith("http://127.0.0.1:")
        assert "/preview/" not in str({key: value for key, value in widget.get_state().items() if key != "_esm"})

        frame = PreviewWidget(ready["data"]["url"])
        shown = FrontEnd(frame)
        assert ready["data"]["url"] not in str(frame.get_state())
        shown.say({"method": "url"})
        assert shown.got == [{"url": ready["data"]["url"], "picture": ""}]


def test_the_app_runs_below_the_newest_cell_and_where_the_person_wants_it_too():
    older = PreviewWidget("http://127.0.0.1:1/preview/x/", b"\x89PNG", app="tasks", height=99_999)
    assert older.height == 3000
    page = FrontEnd(older)
    PreviewWidget("http://127.0.0.1:1/preview/another/")
    assert page.got == []
    newer = FrontEnd(PreviewWidget("http://127.0.0.1:1/preview/x/"))
    assert page.got == [{"elsewhere": True, "picture": "iVBORw=="}]
    for method, key in (("url", "elsewhere"), ("here", "url"), ("url", "url")):
        page.say({"method": method})
        assert key in page.got[-1]
    newer.say({"method": "url"})
    assert "url" in newer.got[-1]


def test_errors_are_answers_with_the_next_step(tmp_path: Path):
    with prepared(tmp_path):
        page = FrontEnd(App("wrong").widget())
        refused = page.ask("send", text=" ")
        assert refused["ok"] is False
        assert refused["error"]["message"] == "The message is empty."
        assert refused["error"]["hint"]
        assert page.ask("fly")["error"]["reason"] == "invalid_input"
        assert page.ask("restore", checkpoint="nothing")["error"]["reason"] == "not_found"
        assert page.ask("diff")["ok"] is False


def test_a_model_that_there_is_not_and_a_long_title_are_refused_over_the_comm(tmp_path: Path):
    with prepared(tmp_path):
        app = App("named")
        page = FrontEnd(app.widget())
        assert page.ask("update", model="nope:none")["error"]["reason"] == "unknown_provider"
        assert page.ask("update", title="x" * 201)["error"]["field"] == "title"
        assert app.summary["model"] == "demo:recorded"
        assert page.ask("update", title=" Renamed ", model=None)["result"]["title"] == "Renamed"


def test_without_its_bundle_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bundled, "STATIC", tmp_path)
    for name in ("widget.js", "preview.js"):
        assert "npm run build" in str(bundled.script(name))
        assert name in str(bundled.script(name))
        (tmp_path / name).write_text("export default {}")
        assert bundled.script(name) == tmp_path / name


def test_showing_an_app_shows_its_widget(tmp_path: Path):
    with prepared(tmp_path):
        app = App("displayed")
        bundle = app._repr_mimebundle_()
        assert "application/vnd.jupyter.widget-view+json" in str(bundle)
        assert isinstance(app.widget(), AppWidget)
