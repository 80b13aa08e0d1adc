"""A Hub's database and a home volume, copied and put in place elsewhere: everything is there, and goes on."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import httpx
import pytest
from building import share_dependencies
from model_server import model_server_in_thread

from .hub_server import PROXY, Hub, hub, until

pytestmark = [pytest.mark.hub, pytest.mark.walk]

KEPT = ("home", "hub.sqlite", "cookie_secret")
ROWS = b"city,people\nRome,2748109\nOslo,717710\n"


def told(found: Hub, session: str) -> dict[str, object]:
    """What a person sees of a session, apart from when and by whom it is held."""
    summary = found.sessions(f"/{session}")
    notebook = found.ask("GET", f"/user/ada/api/contents/{summary['notebook']}")["content"]
    return {
        "summary": {name: summary[name] for name in ("title", "template", "turn", "checkpoint", "app_path", "owned")},
        "versions": [(one["id"], one["title"]) for one in found.sessions(f"/{session}/checkpoints")],
        "datasets": [(one["name"], one["rows"], one["hash"]) for one in found.sessions(f"/{session}/datasets")],
        "files": sorted(file["path"] for file in found.sessions(f"/{session}/files")),
        "notebook": [cell["source"] for cell in notebook["cells"]],
    }


@pytest.mark.timeout(600)
@pytest.mark.skipif(not PROXY.exists(), reason="The Hub's proxy is not installed (make setup).")
def test_a_hub_is_restored_elsewhere_with_all_that_people_made(tmp_path: Path) -> None:
    file = {"path": "hello.html", "content": "<p>from before</p>\n"}
    steps = [{"tool_calls": [{"name": "write_file", "arguments": file}]}, {"text": "It is there."}, {"text": "Yes."}]
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    with model_server_in_thread(steps) as model:

        def environment(folder: Path) -> dict[str, str]:
            home = f"{folder}/home/{{user}}"
            return {
                "OPENAI_BASE_URL": model.url,
                "OPENAI_API_KEY": "sk-test-not-a-secret",
                "JUPYTER_DATA_DIR": f"{home}/.local/share/jupyter",
                "JUPYTER_CONFIG_DIR": f"{home}/.jupyter",
                "JUPYTER_RUNTIME_DIR": f"{folder}/runtime",
                "PATH": os.environ["PATH"],
            }

        with hub(old, environment(old), cull_seconds=600) as found:
            share_dependencies(old / "home" / "ada" / ".local/share/jupyter/appbuilder")
            found.ask("POST", "/hub/api/users/ada")
            found.start()
            body = {"name": "hello", "template": "static", "model": "openai:scripted", "prompt": "Say hello"}
            session = found.sessions(method="POST", json=body)["id"]
            until(lambda: (found.sessions(f"/{session}")["turn"] or {}).get("reason") == "done", 120)
            upload = found.sessions(
                f"/{session}/datasets/uploads", "POST", json={"file": "cities.csv", "size": len(ROWS)}
            )
            place = f"/{session}/datasets/uploads/{upload['upload']}"
            binary = {"Content-Type": "application/octet-stream"}
            found.sessions(f"{place}?offset=0", "PUT", content=ROWS, headers=binary)
            found.sessions(place, "POST", json={"name": "cities", "private": True})
            before = told(found, session)
            found.ask("DELETE", "/hub/api/users/ada/server")
            until(found.is_gone, 60)
        new.mkdir()
        for name in KEPT:
            (shutil.copytree if (old / name).is_dir() else shutil.copy2)(old / name, new / name)
        shutil.rmtree(old)

        with hub(new, environment(new), cull_seconds=600) as found:
            found.start()
            assert told(found, session) == before
            assert before["datasets"] == [("cities", 2, before["datasets"][0][2])]  # type: ignore[index]
            assert "Say hello" in json.dumps(before["notebook"])

            def shown() -> dict[str, str]:
                return found.sessions(f"/{session}/preview", "POST", json={"action": "start"})

            until(lambda: shown()["state"] == "ready", 120)
            page = httpx.get(f"{found.url}{shown()['url']}hello.html", follow_redirects=True)
            assert "from before" in page.text
            found.sessions(f"/{session}/messages", "POST", json={"text": "Is it all there?"})
            until(lambda: found.sessions(f"/{session}")["turn"]["turn"] == "t2", 60)
            until(lambda: found.sessions(f"/{session}")["turn"]["reason"] == "done", 60)
