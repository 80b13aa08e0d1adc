"""On a real JupyterHub: people's servers build with the service's models, and see no key; a token that is taken back
is none."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from building import share_dependencies
from model_server import model_server_in_thread

from .hub_server import PROXY, hub, until
from .service_process import KEY
from .test_gateway import ASKED, in_ledger

pytestmark = pytest.mark.hub


@pytest.mark.skipif(not PROXY.exists(), reason="The Hub's proxy is not installed (make setup).")
async def test_servers_build_with_the_hubs_models_and_never_see_a_key(tmp_path: Path):
    database = f"sqlite:///{tmp_path}/money.sqlite"
    share_dependencies(tmp_path / "data" / "appbuilder")
    file = {"path": "hello.txt", "content": "hello\n"}
    used = {"usage": {"prompt_tokens": 5000, "completion_tokens": 20}}
    steps = [{"tool_calls": [{"name": "write_file", "arguments": file}]} | used, {"text": "It is there."} | used]
    with model_server_in_thread(steps, key=KEY) as model:
        settings = {
            "database": database,
            "providers": {"ours": {"base_url": model.url, "key": KEY}},
            "models": {"coder": {"provider": "ours", "model": "scripted", "price": (1000, 1000)}},
            "token_seconds": 0.5,
        }
        config = tmp_path / "appbuilder_hub_config.py"
        config.write_text("".join(f"c.HubService.{name} = {value!r}\n" for name, value in settings.items()))
        environment = {
            **{f"JUPYTER_{kind.upper()}_DIR": f"{tmp_path}/{kind}" for kind in ("data", "config", "runtime")},
            "PATH": os.environ["PATH"],
        }
        command = [sys.executable, "-m", "jupyter_appbuilder.cli", "hub", "--config", str(config)]
        with hub(tmp_path, environment, cull_seconds=600, apps={"service": command}) as found:
            found.ask("POST", "/hub/api/users/ada")
            found.start()

            def offered() -> list[dict[str, Any]]:
                listed = found.ask("GET", "/user/ada/appbuilder/api/models")
                return [one for one in listed if one["provider"] == "hub"]

            until(lambda: [one["id"] for one in offered()] == ["hub:coder"], 60)
            body = {"prompt": "Say hello", "name": "hello", "template": "static", "model": "hub:coder"}
            session = found.sessions(method="POST", json=body)["id"]
            until(lambda: (found.sessions(f"/{session}")["turn"] or {}).get("reason") == "done", 120)
            usage = found.sessions(f"/{session}/usage")
            assert usage["model"] == {"model": "hub:coder", "priced": True}
            assert usage["usage"]["cost"] == pytest.approx(10.04)  # the service says what its models cost
            rows = await in_ledger(database, lambda money: money.database.read("SELECT user_name, micros FROM usage"))
            assert [(row["user_name"], row["micros"]) for row in rows] == [("ada", 5_020_000)] * 2

            # Her day is over: the turn ends with the service's own words.
            await in_ledger(database, lambda money: money.set_limit("user", "ada", "day", 10_040_000, "root"))
            found.sessions(f"/{session}/messages", "POST", json={"text": "More"})
            until(lambda: found.sessions(f"/{session}")["turn"]["reason"] in ("failed", "budget"), 60)
            with contextlib.closing(sqlite3.connect(tmp_path / "data" / "appbuilder" / "log.db")) as log:
                said = log.execute("SELECT data FROM events WHERE type = 'turn.finished' ORDER BY seq DESC").fetchone()
            assert "Your budget of $10.04 for this day is used up" in said[0]

            def budgets() -> list[dict[str, Any]]:
                return [one for one in found.sessions(f"/{session}/usage")["budgets"] if one["source"] == "hub"]

            until(lambda: len(budgets()) == 1, 30)  # what the service says is taken for some seconds
            [budget] = budgets()
            assert (budget["scope"], budget["limit"], budget["over"]) == ("day", 10.04, True)

            # Another's token, of a kind that may use the service, until it is taken back.
            found.ask("POST", "/hub/api/users/bob")
            asked = {"scopes": ["access:services!service=appbuilder"]}
            made = found.ask("POST", "/hub/api/users/bob/tokens", json=asked)
            gateway = f"{found.url}/services/appbuilder/v1/chat/completions"

            def ask() -> int:
                headers = {"Authorization": f"Bearer {made['token']}"}
                return httpx.post(gateway, json=ASKED, headers=headers, timeout=60).status_code

            assert ask() == 200
            found.ask("DELETE", f"/hub/api/users/bob/tokens/{made['id']}")
            until(lambda: ask() == 403, 30)
    assert KEY not in (tmp_path / "hub.log").read_text()
    for place in tmp_path.rglob("*"):
        if place.is_file() and place != config and place.stat().st_size < 10_000_000:
            assert KEY.encode() not in place.read_bytes(), place
