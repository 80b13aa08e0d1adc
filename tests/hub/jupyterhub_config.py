"""A JupyterHub on the loopback, for the tests beside this file. What differs from run to run comes with HUB_TEST."""

import json
import os
import sys

given = json.loads(os.environ["HUB_TEST"])
folder = given["folder"]

c = get_config()  # noqa: F821  # pyright: ignore

c.JupyterHub.bind_url = given["url"]
c.JupyterHub.hub_bind_url = given["hub_url"]
c.JupyterHub.db_url = f"sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = f"{folder}/cookie_secret"
c.JupyterHub.last_activity_interval = 1
c.JupyterHub.cleanup_servers = True
c.ConfigurableHTTPProxy.command = given["proxy"]
c.ConfigurableHTTPProxy.api_url = given["proxy_api"]
c.ConfigurableHTTPProxy.pid_file = f"{folder}/proxy.pid"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = f"{folder}/home/{{username}}"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"] if os.geteuid() == 0 else []


def of_user(value):
    return lambda spawner: value.replace("{user}", spawner.user.name)


theirs = {name: of_user(value) for name, value in given["environment"].items()}
c.Spawner.environment = {"JUPYTERHUB_ACTIVITY_INTERVAL": "1", **theirs}
c.Spawner.http_timeout = 60

culler = ["--timeout", str(given["cull_seconds"]), "--cull-every", "1", "--url", given["hub_api"]]
c.JupyterHub.services = [
    {"name": "culler", "command": [sys.executable, "-m", "jupyterhub_idle_culler", *culler]},
    {"name": "test", "api_token": given["token"]},
]
c.JupyterHub.load_roles = [
    {
        "name": "culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["culler"],
    },
    {
        "name": "test",
        "scopes": ["admin:users", "admin:servers", "access:servers", "shares", "tokens"],
        "services": ["test"],
    },
]

apps = given.get("apps")
if apps is not None:
    service = apps.pop("service", None)
    if service:
        c.JupyterHub.services.append(
            {"name": "appbuilder", "command": service, "url": given["service_url"], "oauth_no_confirm": True}
        )
    c.JupyterHub.load_groups = {"team": {"users": ["eve"]}}
    c.Authenticator.admin_users = {"root"}

    from jupyter_appbuilder.hub.spawning import configure

    configure(c, **apps)
