"""The system prompt of a session. It never changes while the session lives: providers cache by prefix."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ..sandbox.templates import Template

SOURCE = Path(__file__).parent / "system_prompt.md"


@lru_cache(maxsize=1)
def _source() -> str:
    return SOURCE.read_text(encoding="utf-8")


def system_prompt(template: Template) -> str:
    """The prompt for an app made from ``template``."""
    hints = template.hints.strip() or "Look at the files to learn this template's conventions."
    return (
        _source()
        .replace("{template}", f"{template.title} ({template.name}): {template.summary}")
        .replace("{hints}", hints)
        .strip()
        + "\n"
    )
