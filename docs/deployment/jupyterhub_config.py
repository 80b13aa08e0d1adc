# /etc/jupyterhub/jupyterhub_config.py: a Hub on one machine with App Builder, a user of the system for each person.
# docs/jupyterhub.md goes with it. Change what is marked CHANGE.
import sys

c = get_config()  # noqa: F821

c.JupyterHub.bind_url = "http://127.0.0.1:8000"  # a web server with TLS stands in front
c.JupyterHub.db_url = "sqlite:////srv/jupyterhub/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = "/srv/jupyterhub/cookie_secret"  # noqa: S105
c.JupyterHub.cleanup_servers = False  # people's servers go on while the Hub is restarted

# People log in with name and password of their account on the machine.
c.JupyterHub.authenticator_class = "pam"
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {"admin"}  # CHANGE: who sees the pages of administrators

c.JupyterHub.spawner_class = "systemd"
c.SystemdSpawner.mem_limit = "6G"  # a server and all its apps together
c.SystemdSpawner.cpu_limit = 4.0
c.SystemdSpawner.isolate_tmp = True
c.SystemdSpawner.disable_user_sudo = True
c.SystemdSpawner.unit_extra_properties = {"Delegate": "yes"}  # App Builder limits each app by control groups
c.Spawner.cmd = [f"{sys.prefix}/bin/jupyterhub-singleuser"]
c.Spawner.environment = {"JUPYTERHUB_ACTIVITY_INTERVAL": "60"}  # seconds; well below the culler's timeout

c.JupyterHub.services = [
    {
        "name": "appbuilder",
        "url": "http://127.0.0.1:10101",
        "command": [
            sys.executable,
            *("-m", "jupyter_appbuilder.cli", "hub"),
            *("--config", "/etc/jupyterhub/appbuilder_hub_config.py"),
        ],
        "oauth_no_confirm": True,
    },
    {"name": "idle-culler", "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=3600"]},
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    },
]

# Last: it adds to what is set above.
from jupyter_appbuilder.hub.spawning import configure  # noqa: E402

configure(c)
