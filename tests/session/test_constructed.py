"""A session is put together once, in order: its record needs a log and nothing else."""

from jupyter_appbuilder.events import Draft
from jupyter_appbuilder.log import EventLog, Owner
from jupyter_appbuilder.session.record import Record


async def test_a_record_needs_a_log_and_nothing_else(tmp_path):
    store = EventLog(tmp_path / "log.db", Owner("here"))
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
