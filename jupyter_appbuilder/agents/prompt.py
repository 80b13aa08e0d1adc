"""The system prompt of a session. It never changes while the session lives: providers cache by prefix."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ..models.profile import FULL, Profile
from ..templates.templates import Template

FOLDER = Path(__file__).parent


@cache
def _source(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def system_prompt(template: Template, profile: Profile = FULL) -> str:
    """The prompt for an app made from ``template``."""
    hints = template.hints.strip() or "Look at the files to learn this template's conventions."
    if template.components and profile.tools is None:
        hints += f"\n\nWhat the components take, so that you need not read them:\n\n{template.components.strip()}"
    return (
        _source(profile.prompt)
        .replace("{template}", f"{template.title} ({template.name}): {template.summary}")
        .replace("{hints}", hints)
        .strip()
        + "\n"
    )
