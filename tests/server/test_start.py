"""What the installed but idle extension costs a server."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from jupyter_appbuilder.events import Draft

HEAVY = ("openai", "pydantic", "e2b", "pydantic_ai", "playwright", "anywidget")

BOOT = """
import sys
from jupyter_server.serverapp import ServerApp

app = ServerApp()
app.initialize(argv=["--no-browser", "--allow-root", "--port=0"], find_extensions=False)
if len(sys.argv) > 1:
    app.extension_manager.add_extension("jupyter_appbuilder", enabled=True)
    app.extension_manager.link_extension("jupyter_appbuilder")
    app.extension_manager.load_extension("jupyter_appbuilder")
    assert app.web_app.settings["jupyter_appbuilder"].builder
print(*sorted(sys.modules))
"""


def modules_after_boot(*arguments: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", BOOT, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_no_model_or_sandbox_sdk_is_imported_when_a_server_starts(jp_environ):
    added = modules_after_boot("with the extension") - modules_after_boot()
    assert "jupyter_appbuilder.extension" in added
    heavy = {name for name in added if name.split(".")[0] in HEAVY}
    assert heavy == set()
    foreign = {name.split(".")[0] for name in added} - {"jupyter_appbuilder"} - set(sys.stdlib_module_names)
    assert not foreign, f"the extension brings {foreign} into every server"


async def test_a_turn_left_open_by_a_killed_server_goes_on_after_the_start(jp_serverapp, call, new_session, builder):
    id = await new_session(title="Killed")
    session = await builder.session(id)
    started = Draft("turn.started", {"turn": "t1", "model": "custom:scripted"})
    await session.append(started, Draft("message.user", {"turn": "t1", "text": "Build"}))
    # As after a kill: nobody holds the session, and nothing of it is in memory.
    builder._sessions.opened.clear()
    await builder.log_store.release(id)

    extension = jp_serverapp.web_app.settings["jupyter_appbuilder"]
    await extension._start_jupyter_server_extension(jp_serverapp)
    assert (await builder.log_store.summary(id)).state == "busy", "the start does not wait for it"
    for _ in range(2000):
        if (await builder.log_store.summary(id)).state != "busy":
            break
        await asyncio.sleep(0.01)
    turn = (await call("GET", "sessions", id)).data["turn"]
    assert (turn["turn"], turn["reason"]) == ("t1", "done")
    types = [event.type for event in await (await builder.session(id)).events()]
    assert types.count("turn.resumed") == 1
    assert types[-1] == "turn.finished"
    await session.app.close()
