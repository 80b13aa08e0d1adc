"""Recorded conversations: one folder each, described by its ``recording.json``.

    {"name", "title", "prompt", "aliases": [other ways to ask], "template", "app_title",
     "after": null | the recording whose result this one goes on from,
     "seed": [{"path": in the app, "file": in this folder}],
     "notebook": a notebook in this folder that the app is made of, its data files beside it,
     "function": a function that the person's own notebook exposes,
     "steps": [{"text", "tool_calls": [{"tool", "arguments"}]}]}

``{"$file": "files/App.tsx"}`` anywhere in arguments stands for that file's text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from ...errors import InvalidInput
from ...events import DEMO

SHIPPED = Path(__file__).parent / "recordings"

GO_ON = frozenset({"continue", "go on", "please continue", "please go on", "carry on", "keep going"})


@dataclass(frozen=True, slots=True)
class Step:
    """One answer: what is said, then the calls as ``(tool, arguments as JSON text)``."""

    text: str
    tool_calls: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Recording:
    name: str
    title: str
    prompt: str
    aliases: tuple[str, ...]
    template: str
    app_title: str
    after: str | None
    seed: Mapping[str, Path]  # path in the app -> file in the recording's folder
    steps: tuple[Step, ...]
    notebook: Path | None = None  # what the app is made of
    function: str = ""  # what the app calls

    def answers(self, prompt: str) -> bool:
        return normalised(prompt) in {normalised(text) for text in (self.prompt, *self.aliases)}

    def seed_files(self) -> dict[str, bytes]:
        """The files to put into a new workspace before the first turn, by path in the app."""
        return {path: file.read_bytes() for path, file in self.seed.items()}

    @property
    def offered(self) -> bool:
        """False where its request leads nowhere by itself: it calls a function that a notebook has to expose, or this
        machine lacks what handing over the data of a notebook needs."""
        return not self.function and (self.notebook is None or find_spec("pyarrow") is not None)


def normalised(prompt: str) -> str:
    """A prompt without what should not matter: case, punctuation, spacing."""
    return " ".join(re.sub(r"[^\w\s]", " ", prompt.casefold()).split())


def load(folder: Path) -> Recording:
    """Read one recording. Raises ``InvalidInput`` naming the file and what is wrong with it."""
    manifest = folder / "recording.json"
    try:
        data: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
        steps = tuple(
            Step(
                step.get("text", ""),
                tuple(
                    (call["tool"], json.dumps(_filled(call["arguments"], folder), ensure_ascii=False))
                    for call in step.get("tool_calls", ())
                ),
            )
            for step in data["steps"]
        )
        seed = {entry["path"]: _inside(folder, entry["file"]) for entry in data.get("seed", ())}
        return Recording(
            data["name"],
            data["title"],
            data["prompt"],
            tuple(data.get("aliases", ())),
            data.get("template", "react-vite"),
            data.get("app_title", data["title"]),
            data.get("after"),
            seed,
            steps,
            _inside(folder, data["notebook"]) if data.get("notebook") else None,
            data.get("function", ""),
        )
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{manifest} is not valid JSON: {error}.", hint="Correct the file.") from None
    except KeyError as error:
        raise InvalidInput(
            f"{manifest} lacks the key {error}.", hint="Add it; recordings.py says what it holds."
        ) from None
    except OSError as error:
        raise InvalidInput(f"{manifest} cannot be read: {error}.", hint="Check the file it names.") from None


def find_recordings(extra: Iterable[Path] = ()) -> dict[str, Recording]:
    """Every recording by name: those of the ``extra`` folders first, then the shipped ones."""
    return _find((*extra, SHIPPED))


@lru_cache(maxsize=8)
def _find(shelves: tuple[Path, ...]) -> dict[str, Recording]:
    found: dict[str, Recording] = {}
    for shelf in shelves:
        for manifest in sorted(shelf.glob("*/recording.json")):
            recording = load(manifest.parent)
            found.setdefault(recording.name, recording)
    return found


def match(
    prompt: str, previous: Sequence[str] = (), recordings: Mapping[str, Recording] | None = None
) -> Recording | None:
    """The recording that answers a prompt, given the session's earlier ones.

    A follow-up answers only where the recording it goes on from was played before.
    """
    known = find_recordings() if recordings is None else recordings
    played: set[str] = set()
    answer: Recording | None = None
    for text in (*previous, prompt):
        fitting = (r for r in known.values() if r.answers(text) and (r.after is None or r.after in played))
        answer = next(fitting, None)
        if answer:
            played.add(answer.name)
    return answer


def _filled(value: Any, folder: Path) -> Any:
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        if entries.keys() == {"$file"}:
            return _inside(folder, entries["$file"]).read_text(encoding="utf-8")
        return {key: _filled(inner, folder) for key, inner in entries.items()}
    if isinstance(value, list):
        return [_filled(inner, folder) for inner in cast("list[Any]", value)]
    return value


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InvalidInput(
            f"{folder.name}/recording.json names {name!r}, outside its folder.", hint="Move the file in."
        )
    return path


def recording_of(model: str, prompt: str, earlier: Sequence[str] = ()) -> Recording | None:
    """The recording that will answer the prompt, if the model is the demo and one will."""
    return match(prompt, earlier) if prompt and model == DEMO else None
