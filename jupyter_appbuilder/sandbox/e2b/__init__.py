"""Sandboxes in E2B's cloud. Importing this imports no SDK."""

from __future__ import annotations

from .provider import E2BSandbox

__all__ = ["E2BSandbox"]
