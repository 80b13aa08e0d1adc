"""A real JupyterHub with its idle culler, its proxy and a single-user server: what it does about a turn that runs."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from building import share_dependencies
from model_server import model_server_in_thread

from .hub_server import PROXY, hub, until

pytestmark = pytest.mark.hub

CULL_SECONDS = 8  # above the five seconds at which a running turn is noted as activity
THINKING_SECONDS = 13


@pytest.mark.skipif(not PROXY.exists(), reason="The Hub's proxy is not installed (make setup).")
def test_a_server_with_a_running_turn_is_not_culled_and_the_session_outlives_culling(tmp_path: Path):
    file = {"path": "hello.txt", "content": "hello\n"}
    steps = [
        {"first_byte": THINKING_SECONDS, "tool_calls": [{"name": "write_file", "arguments": file}]},
        {"text": "It is there."},
    ]
    data = tmp_path / "data"
    share_dependencies(data / "appbuilder")
    with model_server_in_thread(steps) as model:
        environment = {
            "OPENAI_BASE_URL": model.url,
            "OPENAI_API_KEY": "sk-test-not-a-secret",
            "JUPYTER_DATA_DIR": str(data),
            "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
            "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
            "PATH": os.environ["PATH"],
        }
        with hub(tmp_path, environment, cull_seconds=CULL_SECONDS) as found:
            found.ask("POST", "/hub/api/users/ada")
            found.start()
            body = {"prompt": "Say hello", "name": "hello", "template": "static", "model": "openai:scripted"}
            session = found.sessions(method="POST", json=body)["id"]
            # From here on nobody asks the server for anything: the turn is all that keeps it alive.
            until(lambda: bool(model.requests), 30)
            began = time.monotonic()
            while len(model.requests) == 1:
                assert found.runs(), f"It was culled after {time.monotonic() - began:.0f} s, in the middle of the turn."
                time.sleep(0.5)
                assert time.monotonic() - began < 60
            assert time.monotonic() - began > CULL_SECONDS
            until(found.is_gone, 60)

            found.start()
            summary = found.sessions(f"/{session}")
            assert (summary["turn"]["reason"], summary["owned"]) == ("done", True)
            events = found.ask("GET", f"/user/ada/appbuilder/api/sessions/{session}/checkpoints")
            assert [checkpoint["title"] for checkpoint in events] == ["Say hello", "Start from the template"]
            app = tmp_path / "home" / "ada" / summary["app_path"]
            assert (app / "hello.txt").read_text() == "hello\n"
            assert len(model.requests) == 2  # nothing was asked again
