"""Templates: what a new app starts from. One folder each, described by its ``template.toml``.

Found in this order (first name wins): ``extra`` folders given by the caller (``c.AppBuilder.template_path``),
``<jupyter data path>/appbuilder/templates``, the templates shipped with the package.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import InvalidInput, NotFound

SHIPPED = Path(__file__).parent.parent / "_templates"  # in the wheel
SOURCE = Path(__file__).parent.parent.parent / "sandbox-templates"  # in a checkout


@dataclass(frozen=True)
class Template:
    """A template's manifest. Commands are argument lists; ``{port}`` and ``{base}`` are filled in by the sandbox."""

    name: str
    title: str
    summary: str
    folder: Path
    serve: tuple[str, ...]
    check: tuple[str, ...]  # exit code 0 when the app's types are sound
    lock: str = "package-lock.json"
    warm: tuple[str, ...] = ()  # prepares the packages for the dev server, once for each lock file
    hints: str = ""  # for the agent, part of its system prompt
    environment: Mapping[str, str] = field(default_factory=dict[str, str])  # of the dev server and of commands

    @property
    def files(self) -> Path:
        return self.folder / "files"

    @cached_property
    def icon(self) -> str:
        """The template's icon as SVG text, empty if it has none."""
        icon = self.folder / "icon.svg"
        return icon.read_text() if icon.is_file() else ""

    @classmethod
    def load(cls, folder: Path) -> Template:
        """Read ``folder/template.toml``. Raises ``InvalidInput`` naming the file and the key that is wrong."""
        manifest = folder / "template.toml"
        try:
            data: dict[str, Any] = tomllib.loads(manifest.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise InvalidInput(f"{manifest} is not valid TOML: {error}.", hint="Correct the file.") from None
        try:
            return cls(
                name=folder.name,
                title=data["title"],
                summary=data["summary"],
                folder=folder,
                serve=tuple(data["serve"]["command"]),
                check=tuple(data["check"]["command"]),
                lock=data.get("install", {}).get("lock", cls.lock),
                warm=tuple(data.get("install", {}).get("warm", ())),
                hints=data.get("agent", {}).get("hints", ""),
                environment=data.get("environment", {}),
            )
        except KeyError as error:
            raise InvalidInput(f"{manifest} lacks the key {error}.", hint="See docs/templates.md.") from None


def find_templates(extra: Iterable[Path] = ()) -> dict[str, Template]:
    """Every template by name."""
    from jupyter_core.paths import jupyter_path

    shelves = [*extra, *(Path(path) / "appbuilder" / "templates" for path in jupyter_path()), SHIPPED, SOURCE]
    found: dict[str, Template] = {}
    for shelf in shelves:
        if not shelf.is_dir():
            continue
        for manifest in sorted(shelf.glob("*/template.toml")):
            found.setdefault(manifest.parent.name, Template.load(manifest.parent))
    return found


def find_template(name: str, extra: Iterable[Path] = ()) -> Template:
    templates = find_templates(extra)
    if name not in templates:
        raise NotFound(
            f"There is no template {name!r}.",
            hint=f"Choose one of: {', '.join(sorted(templates))}.",
            reason="unknown_template",
        )
    return templates[name]
