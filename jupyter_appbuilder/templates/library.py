"""The templates that a process offers: listed ones, and those fetched from elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    from .templates import Template


class TemplateLibrary:
    """Finds templates. What reads them is imported at first use: a server that starts needs none."""

    def __init__(
        self,
        default: str,
        folders: Sequence[str],
        fetched: Callable[[], Path],
        near: Callable[[], Sequence[Path]],
    ) -> None:
        """``default`` is the template of new sessions; ``folders`` have templates of the person's own; in ``fetched()``
        are copies of those from elsewhere, which are not listed; relative sources are looked for in ``near()``."""
        self.default = default
        self._folders = folders
        self._fetched = fetched
        self._near = near
        self._trees: dict[Path, str] = {}

    def all(self) -> dict[str, Template]:
        """Every template by name, the one of new sessions first."""
        from .templates import find_templates

        return dict(sorted(find_templates(self._own()).items(), key=lambda item: item[0] != self.default))

    def find(self, name: str) -> Template:
        """Raises ``NotFound``, or ``InvalidInput`` for one whose manifest is wrong."""
        from .templates import find_template

        return find_template(name, [*self._own(), self._fetched()])

    def takes_secrets(self, name: str) -> bool:
        """Whether apps of this template have functions that are given secrets."""
        try:
            return bool(self.find(name).control)
        except NotFound:
            return False

    def exported(self, name: str, engine: str = "sqlite") -> dict[str, str]:
        """What an export of an app of this template has besides the app's own files, with this kind of database;
        nothing where it is gone."""
        try:
            return self.find(name).on(engine).exported()
        except (NotFound, InvalidInput, Unavailable):
            return {}

    async def obtain(self, wanted: str) -> Template:
        """A template by its name, or the one in a folder or git repository (``fetch_template``): that is copied into
        the data folder, under a name of its own by which sessions find it again.
        """
        from .sources import fetch_template, is_source

        return await fetch_template(wanted, self._fetched(), self._near()) if is_source(wanted) else self.find(wanted)

    async def tree_of(self, template: Template) -> str:
        """The git tree hash of the files that an app begins with."""
        if template.files not in self._trees:
            from ..workspace.archive import tree_of

            self._trees[template.files] = await asyncio.to_thread(tree_of, template.files)
        return self._trees[template.files]

    def _own(self) -> list[Path]:
        return [Path(folder).expanduser() for folder in self._folders]
