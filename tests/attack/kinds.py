"""The ways of isolating that the attacks are tried on, and what each is known not to stop."""

from __future__ import annotations

from jupyter_appbuilder.sandbox.local.isolation import choice

KINDS = [kind for kind in choice.KINDS if kind not in ("auto", "none")]

GAPS: dict[str, dict[str, str]] = {}
"""By kind and test: why the attack succeeds there. docs/security.md tells people the same."""
