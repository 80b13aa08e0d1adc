"""An app that is made of a notebook of the person's: its data handed over, the notebook told to the agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..analyses.base import Analysis, Used
from ..analyses.code import used_in
from ..analyses.description import BRIEF, Handed, described, images_of, summary_of
from ..analyses.handing import Wanted, missing, wanted
from ..analyses.reading import not_empty, read_notebook
from ..cancellation import in_thread
from ..datasets.arrow import arrow
from ..errors import AppBuilderError
from ..tools.base import Picture
from ..tools.names import TAKE_NOTEBOOK
from ..tools.notebooks import GivenNotebook
from .uploads import hand_over_file

if TYPE_CHECKING:
    from .session import Session

PROMPT = (
    "Make an app of this notebook: a dashboard that shows its charts and tables over the data, with filters where they "
    "help."
)
"""What is asked where a person says nothing else."""


@dataclass(frozen=True, slots=True)
class Found:
    """A notebook as a person is shown it before an app is made of it."""

    analysis: Analysis
    used: Used

    @classmethod
    def read(cls, path: Path) -> Found:
        """Raises as ``read_notebook``, and ``InvalidInput`` for one with nothing in it."""
        analysis = not_empty(read_notebook(path))
        return cls(analysis, used_in(analysis))

    def sources(self, frames: Mapping[str, Path]) -> list[Wanted]:
        """The data to hand over; ``frames``: files of frames that the notebook's kernel wrote, by variable."""
        return wanted(self.used, frames, lambda value: isinstance(value, Path))

    def to_json(self) -> dict[str, Any]:
        sources = self.sources({})
        variables = [*(one.variable for one in self.used.files if one.variable), *self.used.shown]
        files = [{"name": one.named, "dataset": one.dataset, "size": one.source.stat().st_size} for one in sources]
        return {
            "name": self.analysis.name,
            "title": self.analysis.title,
            "summary": summary_of(self.analysis),
            "files": files,
            "variables": list(dict.fromkeys(variables))[:50],
            "missing": list(missing(self.analysis, self.used, {one.named for one in sources})),
            "notes": list(self.analysis.notes),
            "prompt": PROMPT,
        }


async def begin_with(
    session: Session, analysis: Analysis, used: Used, sources: Sequence[Wanted], *, private: bool
) -> list[str]:
    """Hand over files of a notebook's, and tell of it; what was not handed over, in words."""
    await session.ready()
    datasets: dict[str, str] = {}
    failed: list[str] = []
    for one in sources:
        try:
            await hand_over_file(session, one.dataset, Path(one.source), private=private)
            datasets[one.named] = one.dataset
        except AppBuilderError as error:
            failed.append(f"{one.named}: {error.message}")
    lacking = [*failed, *missing(analysis, used, {*datasets, *(one.named for one in sources)})]
    await session.take_notebook(given_notebook(analysis, used, Handed(datasets, lacking, private)))
    return lacking


async def begin_recorded(session: Session, model: str, text: str) -> None:
    """Before a request is answered by a recording that is made of a notebook: hand over that notebook and its data,
    once. Raises ``Unavailable`` where they cannot be handed over."""
    from ..models.demo.recordings import recording_of

    earlier = [event.data["text"] for event in session.stored if event.type == "message.user"]
    recording = recording_of(model, text, earlier)
    if recording is None or recording.notebook is None:
        return
    if any(event.type == "tool.finished" and event.data["tool"] == TAKE_NOTEBOOK for event in session.stored):
        return
    await in_thread(arrow)
    found = await in_thread(Found.read, recording.notebook)
    await begin_with(session, found.analysis, found.used, found.sources({}), private=False)


def given_notebook(analysis: Analysis, used: Used, handed: Handed) -> GivenNotebook:
    """A notebook as a session takes it. Of private data no picture is shown either."""
    pictures = [
        Picture(image.data, image.width, image.height, f"Chart of cell {cell} of {analysis.name}", image.media_type)
        for cell, image in (() if handed.private else images_of(analysis))
    ]
    return GivenNotebook(
        analysis.name,
        analysis.hash,
        len(analysis.cells),
        summary_of(analysis),
        described(analysis, used, handed),
        described(analysis, used, handed, longest=BRIEF),
        tuple(pictures),
        handed.datasets,
    )
