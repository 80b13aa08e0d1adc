"""What the App Builder is set to here, and by whom: the configuration of the server, or nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..usage.budgets import TRAITS
from .base import AppBuilderHandler

if TYPE_CHECKING:
    from traitlets.config import Configurable

    from ..builder import AppBuilder
    from ..usage.hub_rules import HubRules

OF_BUILDER: Mapping[str, Sequence[str]] = {
    "models": ("model", "profile", "max_steps", "max_seconds", "compact_at", "diagnostics"),
    "rules": ("approval_rules",),
    "network": ("egress_hosts",),
    "usage": (*TRAITS.values(), "timezone"),
    "sandbox": ("sandbox", "idle_seconds"),
    "templates": ("template", "template_path"),
}
"""The settings of each page of the panel. None of them holds a secret."""
OF_RULES: Mapping[str, tuple[str, str]] = {
    "models": ("models", "allowed_models"),
    "templates": ("templates", "allowed_templates"),
    "publish_hard": ("rules", "publish_hard"),
}
"""What a JupyterHub alone rules: its rule, and the page and name under which it is shown."""
OF_SANDBOX = ("isolation", "memory", "cpus", "processes", "disk", "max_exec_seconds")


class SettingsHandler(AppBuilderHandler):
    @web.authenticated
    @authorized
    async def get(self) -> None:
        self.answer(settings_of(self.builder))


def settings_of(builder: AppBuilder) -> list[dict[str, Any]]:
    """Each setting with its page, value and origin, and how an administrator sets it."""
    found = [_setting(builder, page, name, builder.hub_rules) for page, names in OF_BUILDER.items() for name in names]
    provider: Any = builder.sandboxes.provider()
    if hasattr(provider, "has_trait"):
        found += [_setting(provider, "sandbox", name) for name in OF_SANDBOX if provider.has_trait(name)]
    own = {TRAITS[key]: value for key, value in builder.usage.settings.own.limits.items()}
    found += [
        {"page": page, "name": name, "value": builder.hub_rules.lines(rule), "origin": "hub", "trait": rule}
        for rule, (page, name) in OF_RULES.items()
        if builder.hub_rules.lines(rule)
    ]
    for one in found:
        limit = own.get(one["name"]) if one["page"] == "usage" else None
        if limit and (not one["value"] or limit <= one["value"]):
            one |= {"value": limit, "origin": "person"}
    return found


def _setting(owner: Configurable, page: str, name: str, hub: HubRules | None = None) -> dict[str, Any]:
    own: Any = getattr(owner, name)
    value = own if hub is None else _ruled(hub, name, own)
    ruled = value != own
    if name == "approval_rules":
        value = len(value)  # the page of rules has them
    classes = [one.__name__ for one in type(owner).__mro__]
    configured = any(one in owner.config and name in owner.config[one] for one in classes)
    return {
        "page": page,
        "name": name,
        "value": value,
        "origin": "hub" if ruled else "administrator" if configured else "default",
        "trait": name if ruled else f"c.{type(owner).__name__}.{name}",
    }


def _ruled(hub: HubRules, name: str, own: Any) -> Any:
    """A setting as the Hub's rules have it."""
    if name == "sandbox":
        return hub.sandbox or own
    if isinstance(own, list):
        return hub.lines(name, cast("list[Any]", own))
    return hub.least(name, own) if isinstance(own, (int, float)) and name in hub.rules else own
