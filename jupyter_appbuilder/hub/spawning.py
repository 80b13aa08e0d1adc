"""Published apps as servers of a JupyterHub: what its ``jupyterhub_config.py`` is told in two lines.

    from jupyter_appbuilder.hub.spawning import configure
    configure(c)

It runs in the Hub's own process, and needs nothing but the standard library there. What a server is asked to be comes
from its owner and is taken for anything: a publication's name, which is no more than an argument of a fixed command.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Any, cast

from ..publishing.jupyterhub import IDLE, SERVICE, Options, publication_of, server_name

MODELS = "APPBUILDER_HUB_URL"
"""The variable that says where the service answers itself, for the models that it hands on (``hub.gateway``)."""

SERVE = ("jupyter", "appbuilder", "serve")
MEMORY = 1024**3
CPUS = 1.0
IDLE_SECONDS = 3600.0

OWNERS = ("shares!user", "read:users:name", "read:groups:name")
"""What people need besides ``self`` to let others into their apps."""

LAB_SCOPES = (
    "users:activity!user",
    "access:servers!user",
    "servers!user",
    "shares!user",
    "read:users:name",
    "read:groups:name",
)
"""What the token of a server needs from where apps are published: its owner's named servers, and who may see them."""

APP_SCOPES = ("users:activity!user", "access:servers!server", "read:shares!server", "delete:servers!server")
"""What the token of a published app's server may do: say that it is used, ask who may open it, end. No app gets it."""

SERVICE_SCOPES = ("list:users", "read:users", "servers", "access:servers", "shares")
"""What the service needs to wake apps for their readers and to manage who they are."""

Hook = Callable[[Any, Options], Any]

_OURS = "_appbuilder_before"
_KEY = re.compile(r"(?i)_API_KEY$")


def apply_user_options(
    spawner: Any,
    options: Options,
    *,
    command: Sequence[str] = (),
    memory: int = MEMORY,
    cpus: float = CPUS,
    idle: float = IDLE_SECONDS,
    confirm: bool = False,
    service: str = "",
    models: str = "",
    then: Hook | Mapping[str, str] | None = None,
) -> Any:
    """For ``c.Spawner.apply_user_options``: a server whose options name a publication serves it; others are as ever.

    ``command`` serves a publication (default: ``jupyter appbuilder serve`` beside the spawner's own command);
    ``memory`` (bytes) and ``cpus`` are the most that such a server gets, and ``idle`` seconds without use the longest
    that it goes on (0: for ever); with ``confirm`` readers are asked first if it may know their name; ``service`` is
    where the service's pages are, and ``models`` where it answers itself, which the other servers are told; ``then`` is
    the Hub's own hook."""
    publication = publication_of(options)
    _give_back(spawner)
    if publication is None:
        if service:
            spawner.environment = {**spawner.environment, SERVICE: service}
        if models:
            spawner.environment = {MODELS: models, **spawner.environment}
        return _then(spawner, options, then)
    if spawner.name != server_name(publication):
        raise ValueError(f"The server of {publication} is {server_name(publication)}, not {spawner.name!r}.")
    ours: dict[str, Any] = {
        "cmd": [*(command or _beside(spawner.cmd)), "--publication", publication],
        "args": [],
        "default_url": "",
        "environment": {
            **{name: value for name, value in spawner.environment.items() if name != MODELS and not _KEY.search(name)},
            IDLE: str(idle),
        },
        "mem_limit": min(spawner.mem_limit or memory, memory),
        "cpu_limit": min(spawner.cpu_limit or cpus, cpus),
    }
    for guarantee, limit in (("mem_guarantee", "mem_limit"), ("cpu_guarantee", "cpu_limit")):
        if (getattr(spawner, guarantee) or 0) > ours[limit]:
            ours[guarantee] = ours[limit]
    if not confirm:
        _trusted(spawner, add=True)
    setattr(spawner, _OURS, {name: getattr(spawner, name) for name in ours})
    for name, value in ours.items():
        setattr(spawner, name, value)
    rest = {name: value for name, value in options.items() if name != "appbuilder"}
    return _then(spawner, rest, then) if rest else None


def server_token_scopes(spawner: Any, *, others: Any = None, service: str = "") -> list[str]:
    """For ``c.Spawner.server_token_scopes``: little for a published app's server, enough to publish for all else, and
    to use the service of that name.

    ``others`` is what the Hub gives its servers: a list, or a function of the spawner."""
    if str(spawner.name).startswith("app-"):
        return list(APP_SCOPES)
    given = others(spawner) if callable(others) else others
    using = [f"access:services!service={service}"] if service else []
    return [*dict.fromkeys([*(cast("Sequence[str]", given) or ()), *LAB_SCOPES, *using])]


def configure(
    c: Any,
    *,
    command: Sequence[str] = (),
    memory: int = MEMORY,
    cpus: float = CPUS,
    idle: float = IDLE_SECONDS,
    confirm: bool = False,
    service: str = "appbuilder",
) -> None:
    """All that a Hub needs for published apps. Call it at the end of ``jupyterhub_config.py``: hooks and roles that are
    set by then are kept.

    ``service`` is the name of App Builder's service among ``c.JupyterHub.services``; where there is one, readers get
    its links, which wake a sleeping app, and servers may use its models."""
    c.JupyterHub.allow_named_servers = True
    roles = [dict(role) for role in _value(c.JupyterHub, "load_roles", [])]
    _grant(roles, "user", ("self", *OWNERS))
    services = [dict(one) for one in _value(c.JupyterHub, "services", [])]
    there = next((one for one in services if one.get("name") == service), None)
    if there:
        _grant(roles, "user", (f"access:services!service={service}",))
        _grant(roles, f"{service}-apps", SERVICE_SCOPES, services=[service])
    c.JupyterHub.load_roles = roles
    spawners = c.Spawner
    scopes = _value(spawners, "server_token_scopes", [])
    spawners.server_token_scopes = partial(server_token_scopes, others=scopes, service=service if there else "")
    more: dict[str, Any] = {
        "command": tuple(command),
        "memory": memory,
        "cpus": cpus,
        "idle": idle,
        "confirm": confirm,
        "service": f"/services/{service}/" if there else "",
        "models": f"{there['url'].rstrip('/')}/services/{service}" if there and there.get("url") else "",
    }
    if _has_hook():
        spawners.apply_user_options = partial(
            apply_user_options, then=_value(spawners, "apply_user_options", None), **more
        )
        return
    before = _value(spawners, "pre_spawn_hook", None)  # JupyterHub before 5.3

    async def pre_spawn_hook(spawner: Any) -> None:
        apply_user_options(spawner, spawner.user_options or {}, **more)
        if before and inspect.isawaitable(done := before(spawner)):
            await done

    spawners.pre_spawn_hook = pre_spawn_hook


def _beside(cmd: Sequence[str]) -> Sequence[str]:
    """The command that serves, from the environment of the one that starts people's servers, where that is known."""
    path = PurePosixPath(cmd[0]) if cmd else PurePosixPath()
    if path.is_absolute() and re.fullmatch(r"jupyter(hub-singleuser|-labhub)?|python[\d.]*", path.name):
        return (str(path.with_name("jupyter")), *SERVE[1:])
    return SERVE


def _give_back(spawner: Any) -> None:
    """Undo what was set for a publication before: the Hub keeps a server's spawner."""
    before: dict[str, Any] = getattr(spawner, _OURS, None) or {}
    if before:
        _trusted(spawner, add=False)
    for name, value in before.items():
        setattr(spawner, name, value)
    setattr(spawner, _OURS, None)


def _trusted(spawner: Any, *, add: bool) -> None:
    """Whether the Hub's login asks each reader first if this server may know their name: it forgets the answers when
    the server stops, so they would be asked whenever the app has slept."""
    settings: dict[str, Any] = getattr(getattr(spawner, "user", None), "settings", None) or {}
    trusted = settings.get("oauth_no_confirm_list")
    if isinstance(trusted, set):
        clients = cast("set[str]", trusted)
        (clients.add if add else clients.discard)(str(spawner.oauth_client_id))


def _then(spawner: Any, options: Options, hook: Hook | Mapping[str, str] | None) -> Any:
    if callable(hook):
        return hook(spawner, options)
    for option, trait in (hook or {}).items():
        if option in options:
            setattr(spawner, trait, options[option])
    return None


def _has_hook() -> bool:
    from jupyterhub.spawner import Spawner  # it is the Hub that calls

    return hasattr(Spawner, "apply_user_options")


def _value(section: Any, name: str, default: Any) -> Any:
    """What the configuration says so far."""
    found = cast("dict[str, Any]", section).get(name, default)
    return found.get_value(default) if hasattr(found, "get_value") else found


def _grant(roles: list[dict[str, Any]], name: str, scopes: Sequence[str], **more: Any) -> None:
    role = next((one for one in roles if one.get("name") == name), None)
    if role is None:
        role = {"name": name, "scopes": list[str](), **more}
        roles.append(role)
    role["scopes"] = [*dict.fromkeys([*role.get("scopes", ()), *scopes])]
