"""Where releases go: ours by name, others' found by their entry points. Each is a ``publishing.base.Publisher``."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import cast

from ...errors import NotFound
from ..base import Publisher

GROUP = "jupyter_appbuilder.publishers"
OWN: Mapping[str, str] = {
    "here": "jupyter_appbuilder.publishing.targets.here:HerePublisher",
    "hub": "jupyter_appbuilder.publishing.targets.hub:HubPublisher",
    "folder": "jupyter_appbuilder.publishing.targets.folder:FolderPublisher",
    "container": "jupyter_appbuilder.publishing.targets.container:ContainerPublisher",
    "pages": "jupyter_appbuilder.publishing.targets.pages:PagesPublisher",
    "huggingface": "jupyter_appbuilder.publishing.targets.huggingface:HuggingFacePublisher",
    "posit": "jupyter_appbuilder.publishing.targets.posit:PositPublisher",
}
"""Ours, in the order in which they are offered: module and class, which is made without arguments."""

log = logging.getLogger(__name__)


def find_publishers() -> dict[str, Publisher]:
    """Every target by its name. One that cannot be loaded is left out, with a warning in the log."""
    found: dict[str, Publisher] = {}
    for name, place in OWN.items():
        module, _, made = place.partition(":")
        found[name] = cast("Publisher", getattr(importlib.import_module(module), made)())
    for entry in entry_points(group=GROUP):
        if entry.name in found:
            continue
        try:
            found[entry.name] = cast("Publisher", entry.load()())
        except Exception:  # it is another package's: anything may go wrong
            log.warning("Target %r for publishing cannot be used", entry.name, exc_info=True)
    return found


def find_publisher(name: str) -> Publisher:
    """The target called ``name``. Raises ``NotFound`` naming those there are."""
    found = find_publishers()
    if name not in found:
        raise NotFound(
            f"There is no place to publish called {name[:40]!r}.",
            hint=f"Choose one of: {', '.join(found)}.",
            reason="unknown_target",
        )
    return found[name]
