"""Moved: see ``layout`` and ``isolation.bubblewrap``."""

from __future__ import annotations

from .isolation.bubblewrap import Bubblewrap, explain
from .layout import HOME, IDENTITY, NODE, NPM, OURS, PATH, WORKSPACE, Bind, find_node

__all__ = ["HOME", "IDENTITY", "NODE", "NPM", "OURS", "PATH", "WORKSPACE", "Bind", "Bubblewrap", "explain", "find_node"]
