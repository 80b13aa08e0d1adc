"""A session is put together once, in order: its record needs a log and nothing else; a list of sessions no builder."""

import logging
from pathlib import Path

import pytest

from jupyter_appbuilder.apps.sandboxes import Sandboxes
from jupyter_appbuilder.events import Draft
from jupyter_appbuilder.log import EventStore, Owner, SqliteEventStore
from jupyter_appbuilder.session.background import Background
from jupyter_appbuilder.session.housekeeping import Housekeeping
from jupyter_appbuilder.session.places import Places
from jupyter_appbuilder.session.preparation import Preparation
from jupyter_appbuilder.session.record import Record
from jupyter_appbuilder.session.sessions import Sessions
from jupyter_appbuilder.templates.library import TemplateLibrary

log = logging.getLogger(__name__)


def never(*_: object):
    pytest.fail("The list of sessions asked for what only an open one needs.")


def sessions_in(store: EventStore, root: Path, background: Background) -> Sessions:
    places = Places(lambda: str(root), "root_dir")
    sandboxes = Sandboxes("local", never, list, pooling=False, label="here")
    library = TemplateLibrary("static", [], never, list, never)
    preparation = Preparation(sandboxes, library, places, never, background, pooling=False)
    housekeeping = Housekeeping(store, sandboxes, never, 900.0, log)
    return Sessions(store, places, never, housekeeping, preparation, log, resuming=False)


async def test_a_record_needs_a_log_and_nothing_else(tmp_path):
    store = SqliteEventStore(tmp_path / "log.db", Owner("here"))
    created = {"name": "one", "title": "One", "root": str(tmp_path), "path": "appbuilder/one", "template": "static"}
    created |= {"template_tree": "", "model": "demo:recorded", "sandbox": "local"}
    await store.claim("s1")
    events = await store.append("s1", [Draft("session.created", created)])
    record = Record(await store.summary("s1"), events, store, owned=True, describe=lambda record: {"id": record.id})
    heard: list[str] = []
    record.listen(lambda events: heard.extend(event.type for event in events))
    await record.append(Draft("session.ready"), Draft("session.updated", {"title": "Another"}))
    assert heard == ["session.ready", "session.updated"]
    assert (record.summary.title, record.summary.state) == ("Another", "ready")
    watching = record.watch()
    shown = [await anext(watching), await anext(watching)]
    assert [message["kind"] for message in shown] == ["events", "snapshot"]
    assert shown[1]["session"] == {"id": "s1"}
    await watching.aclose()
    await store.close()


async def test_sessions_are_listed_and_found_by_name_where_a_copied_root_has_them_without_being_opened(tmp_path):
    store = SqliteEventStore(tmp_path / "log.db", Owner("here"))
    created = {"name": "one", "title": "One", "root": str(tmp_path / "old"), "path": "appbuilder/one"}
    created |= {"template": "static", "template_tree": "", "model": "demo:recorded", "sandbox": "local"}
    await store.claim("s1")
    await store.append("s1", [Draft("session.created", created)])
    background = Background(log)
    sessions = sessions_in(store, tmp_path / "new", background)
    [shown] = await sessions.overview()
    assert (shown["id"], shown["path"], shown["app"]) == ("s1", None, "stopped")
    assert await sessions.named("one") is None
    (tmp_path / "new" / "appbuilder" / "one").mkdir(parents=True)
    [shown] = await sessions.overview("one")
    assert (shown["path"], shown["notebook"]) == ("appbuilder/one", "appbuilder/one/one.ipynb")
    found = await sessions.named("one")
    assert found is not None
    assert found.id == "s1"
    assert not sessions.opened
    background.close()
    await sessions.close()
    await store.close()
