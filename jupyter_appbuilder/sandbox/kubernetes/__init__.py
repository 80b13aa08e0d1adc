"""Sandboxes as pods of a Kubernetes cluster. Importing this imports no client."""

from __future__ import annotations

from .provider import KubernetesSandbox

__all__ = ["KubernetesSandbox"]
