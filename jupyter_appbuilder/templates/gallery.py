"""The templates that a person added: fetched from elsewhere, or made of their apps.

Their folders lie with all that were fetched (``sources``), named for their content; the list here says which of them
are offered. So one that is taken off it is still found by the apps that were made with it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import Conflict, NotFound, Unavailable
from ..settings import write_settings

MOST = 200  # templates of one person


@dataclass(frozen=True, slots=True)
class Added:
    """``source``: where it is from, for people: an address, a folder, or the title of the app it was made of, whose
    session is ``app`` then."""

    name: str
    source: str
    app: str = ""

    def takes_place_of(self, other: Added) -> bool:
        """Titles tell no apps apart."""
        same = self.app == other.app if self.app or other.app else self.source == other.source
        return same or self.name == other.name


class Gallery:
    """Read whenever it is asked for: what another process changed counts at once."""

    def __init__(self, file: Path, fetched: Path) -> None:
        """``fetched``: where the templates' folders lie."""
        self._file = file
        self._fetched = fetched

    def all(self) -> Sequence[Added]:
        """The newest first. Raises ``Unavailable`` where the list cannot be read."""
        try:
            data: Any = json.loads(self._file.read_text(encoding="utf-8"))
            return [Added(str(one["name"]), str(one["source"]), str(one.get("app", ""))) for one in data["templates"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Unavailable(
                f"The list of your templates in {self._file} cannot be read: {error}.",
                hint="Correct the file, or delete it to start over.",
                reason="templates_unreadable",
            ) from None

    def folders(self) -> dict[str, Path]:
        """Those that are there, by name."""
        found = {added.name: self._fetched / added.name for added in self.all() if Path(added.name).name == added.name}
        return {name: folder for name, folder in found.items() if (folder / "template.toml").is_file()}

    def add(self, name: str, source: str, app: str = "") -> None:
        """Offer one. It takes the place of the one that came from there before. Raises ``Conflict`` for too many."""
        new = Added(name, source, app)
        others = [added for added in self.all() if not new.takes_place_of(added)]
        if len(others) >= MOST:
            raise Conflict(f"There are {MOST} templates already.", hint="Remove some first.", reason="too_many")
        self._write([new, *others])

    def remove(self, name: str) -> None:
        """Offer one no more. Raises ``NotFound``, also for one that nobody added here."""
        known = self.all()
        if name not in [added.name for added in known]:
            raise NotFound(
                f"There is no template {name[:60]!r} of yours.",
                hint="Those that come with App Builder, or from c.AppBuilder.template_path, cannot be removed here.",
                reason="unknown_template",
            )
        self._write([added for added in known if added.name != name])

    def _write(self, added: Sequence[Added]) -> None:
        write_settings(self._file, {"templates": [asdict(one) for one in added]})
