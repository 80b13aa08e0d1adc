"""A published app's server on a Hub, as the Hub's configuration makes it. No Hub runs here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.slugs import is_valid_safe_slug
from traitlets.config import Config

from jupyter_appbuilder.hub.spawning import APP_SCOPES, apply_user_options, configure, server_token_scopes
from jupyter_appbuilder.publishing.jupyterhub import server_name


def spawner(name: str = "app-tasks", **more: Any) -> SimpleNamespace:
    lab = {
        "name": name,
        "cmd": ["/opt/hub/bin/jupyterhub-singleuser"],
        "args": ["--allow-root"],
        "default_url": "/lab",
        "environment": {"OPENAI_API_KEY": "sk-test-not-a-secret", "LANG": "de_DE.UTF-8"},
        "mem_limit": 8 * 1024**3,
        "mem_guarantee": 4 * 1024**3,
        "cpu_limit": None,
        "cpu_guarantee": None,
    }
    return SimpleNamespace(**{**lab, **more})


ASKED = {"appbuilder": {"publication": "tasks"}}


def test_a_server_whose_options_name_a_publication_serves_it_with_little():
    one = spawner()
    apply_user_options(one, ASKED)
    assert one.cmd == ["/opt/hub/bin/jupyter", "appbuilder", "serve", "--publication", "tasks"]
    assert (one.args, one.default_url) == ([], "")
    assert one.environment == {"LANG": "de_DE.UTF-8", "JUPYTER_APPBUILDER_IDLE": "3600.0"}
    assert (one.mem_limit, one.mem_guarantee, one.cpu_limit) == (1024**3, 1024**3, 1.0)


def test_a_server_that_was_an_app_is_an_ordinary_one_again_when_it_is_asked_to_be():
    one, before = spawner(), spawner()
    apply_user_options(one, ASKED)
    apply_user_options(one, {})
    assert {**vars(one), "_appbuilder_before": 0} == {**vars(before), "_appbuilder_before": 0}


@pytest.mark.parametrize(
    "options",
    [
        {"appbuilder": {"publication": "../../etc"}},
        {"appbuilder": {"publication": "tasks", "cmd": ["id"]}, "cmd": ["id"], "environment": {"PATH": "/tmp"}},
        {"appbuilder": {"publication": "--data=/"}},
        {"appbuilder": {"publication": "other"}},
        {"appbuilder": {"publication": ["tasks"]}},
        {"appbuilder": ["tasks"]},
        {"appbuilder": "tasks"},
        {"appbuilder": {}},
    ],
)
def test_options_are_taken_for_anything(options: dict[str, Any]):
    one = spawner()
    try:
        apply_user_options(one, options)
    except ValueError:
        assert one.cmd == spawner().cmd
    else:
        assert one.cmd[1:] == ["appbuilder", "serve", "--publication", "tasks"]
        assert one.environment.keys() == {"LANG", "JUPYTER_APPBUILDER_IDLE"}


def test_the_name_of_a_server_is_one_that_the_hub_takes():
    names = ["tasks", "a", "a--b", "a" * 42, "a-" * 20 + "b", "x" * 26, "x" * 27]
    servers = [server_name(name) for name in names]
    assert all(is_valid_safe_slug(name) for name in servers)
    assert len(set(servers)) == len(names)


def test_what_the_configuration_says_already_is_kept():
    c = Config()
    seen: list[dict[str, Any]] = []
    c.Spawner.apply_user_options = lambda one, options: seen.append(options)
    c.Spawner.server_token_scopes = ["read:users!user"]
    c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "list:services"]}, {"name": "culler", "scopes": []}]
    c.JupyterHub.services.append({"name": "appbuilder", "command": ["jupyter", "appbuilder", "hub"]})
    configure(c, memory=1000)
    hook, scopes = c.Spawner.apply_user_options, c.Spawner.server_token_scopes
    app, lab = spawner(), spawner("")
    hook(app, ASKED)
    hook(lab, {"image": "small"})
    assert (app.mem_limit, lab.mem_limit, seen) == (1000, 8 * 1024**3, [{"image": "small"}])
    assert "JUPYTER_APPBUILDER_SERVICE" not in app.environment
    assert lab.environment["JUPYTER_APPBUILDER_SERVICE"] == "/services/appbuilder/"
    assert "read:users!user" in scopes(lab)
    assert "shares!user" in scopes(lab)
    assert not {"shares!user", "servers!user", "read:users!user"} & set(scopes(app))
    roles = {role["name"]: role["scopes"] for role in c.JupyterHub.load_roles}
    assert roles["user"][:2] == ["self", "list:services"]
    assert {"shares!user", "access:services!service=appbuilder"} < set(roles["user"])
    assert "servers" in roles["appbuilder-apps"]


def test_a_server_called_like_an_app_that_is_none_may_not_publish():
    assert server_token_scopes(spawner("app-tasks")) == list(APP_SCOPES)
