"""The templates that a process offers: listed ones, and those fetched from elsewhere."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    from .gallery import Gallery
    from .sources import Content
    from .templates import Template

log = logging.getLogger(__name__)


class TemplateLibrary:
    """Finds templates. What reads them is imported at first use: a server that starts needs none."""

    def __init__(
        self,
        default: str,
        folders: Sequence[str],
        fetched: Callable[[], Path],
        near: Callable[[], Sequence[Path]],
        added: Callable[[], Path],
    ) -> None:
        """``default`` is the template of new sessions; ``folders`` are those that are configured; in ``fetched()`` are
        copies of templates from elsewhere, of which the file ``added()`` lists those that are offered; relative sources
        are looked for in ``near()``."""
        self._default = default
        self._folders = folders
        self._fetched = fetched
        self._near = near
        self._added = added
        self._trees: dict[Path, str] = {}
        self.check: Callable[[str], None] = lambda name: None
        """Raises where new apps may not be made of a template."""
        self.allows: Callable[[str], bool] = lambda name: True
        """Whether it is offered."""

    @property
    def default(self) -> str:
        """The template of new sessions: of those that are allowed the first, where the configured one is not."""
        if self.allows(self._default):
            return self._default
        return next((name for name in self.all() if self.allows(name)), self._default)

    def all(self) -> dict[str, Template]:
        """Every template by name, the one of new sessions first."""
        from .templates import find_templates

        try:
            added = self._gallery().folders()
        except Unavailable as error:  # the others are there all the same
            log.warning("%s %s", error.message, error.hint)
            added = {}
        return dict(sorted(find_templates(self._own(), added).items(), key=lambda item: item[0] != self._default))

    def described(self) -> list[dict[str, Any]]:
        """Every template as the API shows it: with where it is from, and who put it there."""
        from .sources import without_account
        from .templates import SHIPPED, SOURCE

        try:
            sources = {one.name: one.source for one in self._gallery().all()}
        except Unavailable:
            sources = {}
        shelves = {"default": [SHIPPED, SOURCE], "administrator": self._own(), "person": [self._fetched()]}

        def origin(template: Template) -> str:
            above = (template.folder, *template.folder.parents)
            return next((name for name, shelf in shelves.items() if not set(shelf).isdisjoint(above)), "folder")

        default = self.default
        return [
            {
                "name": template.name,
                "title": template.title,
                "summary": template.summary,
                "icon": template.icon,
                "prompts": list(template.prompts),
                "picture": template.picture is not None,
                "origin": (found := origin(template)),
                "source": without_account(sources.get(template.name, "")) if found == "person" else "",
                "default": template.name == default,
            }
            for template in self.all().values()
            if self.allows(template.name)
        ]

    def picture(self, name: str) -> tuple[str, bytes]:
        """A template's picture, with its type. Raises ``NotFound`` where it has none that can be shown."""
        from ..formats.rasters import raster
        from .templates import LARGEST_PICTURE

        file = self.find(name).picture
        data = b""
        with suppress(OSError):
            if file and file.stat().st_size <= LARGEST_PICTURE:
                data = file.read_bytes()
        found = raster(data)
        if found is None or found.media_type == "image/gif":
            raise NotFound(
                f"The template {name[:60]!r} has no picture.",
                hint="Put a picture.webp of at most 2 MB beside its template.toml.",
                reason="no_picture",
            )
        return found.media_type, data

    async def add(self, source: str) -> Template:
        """Offer the template of a folder or git repository from now on. Raises as ``sources.fetch_template``."""
        from .sources import fetch_template, is_source, without_account

        if not is_source(source):
            raise InvalidInput(
                f"{source[:200]!r} is no folder and no address.",
                hint="Give a folder with a template.toml, or the address of a git repository: "
                "https://git.example.org/team/templates.git#folder",
                field="source",
            )
        template = await fetch_template(source, self._fetched(), self._near())
        self._gallery().add(template.name, without_account(source))
        return template

    async def keep(self, content: Content, name: str, source: str, app: str) -> Template:
        """Offer a template of this content from now on, made of an app. Raises ``InvalidInput`` where it is none."""
        from .sources import place

        template = await asyncio.to_thread(place, content, name, self._fetched())
        self._gallery().add(template.name, source, app)
        return template

    async def take(self, content: Content, name: str) -> Template:
        """A template of this content, for the apps that are made of it alone: it is not offered. Raises
        ``InvalidInput`` where it is none."""
        from .sources import place

        return await asyncio.to_thread(place, content, name, self._fetched())

    async def remove(self, name: str, used: bool) -> None:
        """Offer one no more. Its files stay while apps use it. Raises ``NotFound`` for one that nobody added here."""
        self._gallery().remove(name)
        if not used:
            await asyncio.to_thread(shutil.rmtree, self._fetched() / name, ignore_errors=True)

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

        if is_source(wanted):
            found = await fetch_template(wanted, self._fetched(), self._near())
        else:
            found = self.find(wanted)
        self.check(found.name)
        return found

    async def tree_of(self, template: Template) -> str:
        """The git tree hash of the files that an app begins with."""
        if template.files not in self._trees:
            from ..workspace.archive import tree_of

            self._trees[template.files] = await asyncio.to_thread(tree_of, template.files)
        return self._trees[template.files]

    def _gallery(self) -> Gallery:
        from .gallery import Gallery

        return Gallery(self._added(), self._fetched())

    def _own(self) -> list[Path]:
        return [Path(folder).expanduser() for folder in self._folders]
