"""An app as a template: what other apps can start from, without what is the app's own."""

from __future__ import annotations

import tomllib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ..cancellation import in_thread
from ..datasets.record import placed
from ..errors import Conflict, InvalidInput
from ..formats.text import showable
from ..workspace.archive import contents_of
from ..workspace.objects import EXECUTABLE, LINK
from .record import engine_of

if TYPE_CHECKING:
    from ..events import Event
    from ..templates.library import TemplateLibrary
    from ..templates.templates import Template
    from ..workspace import Workspace
    from .session import Session

MAX_TITLE = 80
MAX_SUMMARY = 300
MOST_NAMED = 20  # names of one kind that are told
SHORTEST = 8  # characters of a secret's value that is looked for: shorter ones are in many texts
KEPT = ("icon.svg",)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """``what``: data, secrets, attachments, links or large. The first ``names`` of ``count``."""

    what: str
    names: Sequence[str]
    count: int

    def to_json(self) -> dict[str, Any]:
        return {"what": self.what, "names": list(self.names), "count": self.count}


@dataclass(frozen=True, slots=True)
class Taken:
    """What a template of an app has of it, by path; and what it has not."""

    files: Mapping[str, tuple[bool, bytes]]
    left_out: Sequence[LeftOut]

    @property
    def bytes(self) -> int:
        return sum(len(data) for _, data in self.files.values())


async def taken(session: Session, library: TemplateLibrary) -> Taken:
    """The app's files as they are now. Raises ``InvalidInput`` for more than a template may have."""
    template = library.find(session.summary.template)
    events = session.stored
    datasets = {path for _, path in placed(events)}
    named = {
        "data": sorted(datasets),
        "secrets": sorted({secret.name for secret in await session.secrets.all() if secret.at}),
        "attachments": sorted(_attached(events)),
        "links": [],
    }
    files = await in_thread(_files, session.workspace, template, datasets, named)
    out = [LeftOut(what, names[:MOST_NAMED], len(names)) for what, names in named.items() if names]
    return Taken(files, out)


async def save(
    session: Session,
    library: TemplateLibrary,
    picture: Callable[[str], Awaitable[bytes | None]],
    *,
    title: str,
    summary: str,
) -> Template:
    """Make a template of a session's app, and offer it; ``picture`` reads the one that was taken of the app. Raises
    ``InvalidInput`` for a title that is none, or a file that holds a secret; ``Conflict`` while the agent works."""
    title, summary = _line("title", title, MAX_TITLE), _line("summary", summary, MAX_SUMMARY)
    content, _ = await content_of(session, library, title, summary)
    if shown := session.summary.picture:
        ending = {"image/webp": "webp", "image/png": "png", "image/jpeg": "jpg"}.get(shown["media_type"])
        data = await picture(shown["sha256"])
        if ending and data:
            content[f"picture.{ending}"] = False, data
    return await library.keep(content, title, session.summary.title, session.id)


async def content_of(
    session: Session, library: TemplateLibrary, title: str, summary: str
) -> tuple[dict[str, tuple[bool, bytes]], Sequence[LeftOut]]:
    """The files of a template that is made of a session's app, and what it has not. Raises ``InvalidInput`` for a file
    that holds a secret; ``Conflict`` while the agent works."""
    if session.busy:
        raise Conflict("The agent is changing the app.", hint="Save it when the request is done.", reason="busy")
    base = library.find(session.summary.template)
    found = await taken(session, library)
    if holding := await in_thread(_holding, found.files, await session.secrets.values()):
        raise InvalidInput(
            "{} holds the value of the secret {}.".format(*holding),
            hint="Have the app read it from its secrets in place of its code. Then save the template.",
            reason="holds_secret",
        )
    content = await in_thread(_around, base, title, summary, engine_of(session.stored))
    return content | {f"files/{path}": file for path, file in found.files.items()}, found.left_out


def _holding(files: Mapping[str, tuple[bool, bytes]], secrets: Mapping[str, str]) -> tuple[str, str] | None:
    """A file that holds the value of a secret, and the secret's name."""
    for name, value in secrets.items():
        sought = value.encode(errors="replace")
        if len(value) >= SHORTEST and (path := next((one for one, (_, data) in files.items() if sought in data), None)):
            return path, name
    return None


def _line(field: str, text: str, longest: int) -> str:
    text = " ".join(text.split())
    if not text or not showable(text) or len(text) > longest:
        raise InvalidInput(
            f"A template needs a {field} of 1 to {longest} characters that can be read.",
            hint="It is what people choose the template by.",
            field=field,
        )
    return text


def _attached(events: Iterable[Event]) -> set[str]:
    return {
        file["name"] for event in events if event.type == "message.user" for file in event.data.get("attachments", ())
    }


def _files(
    workspace: Workspace, template: Template, datasets: set[str], named: dict[str, list[str]]
) -> dict[str, tuple[bool, bytes]]:
    from ..templates.sources import LARGEST, MOST_FILES

    begun = {path: (mode, data) for path, mode, data in contents_of(template.files) if mode != LINK}
    folders = (*template.data, template.datasets.folder + "/")
    found: dict[str, tuple[bool, bytes]] = {}
    left = LARGEST
    for path, mode, data in contents_of(workspace.app, workspace.datasets):
        if mode == LINK:
            named["links"].append(path)
        elif path in datasets or path.startswith(folders):
            if path not in begun and path not in datasets:
                named["data"].append(path)
        else:
            left -= len(data)
            if left < 0 or len(found) >= MOST_FILES:
                raise InvalidInput(
                    f"The app is too large for a template: more than {LARGEST >> 20} MiB, or than {MOST_FILES} files.",
                    hint="Put large files into the app's data folder, or have .gitignore name them.",
                    reason="too_large",
                )
            found[path] = mode == EXECUTABLE, data
    # The data that every app of the template begins with.
    found |= {path: (mode == EXECUTABLE, data) for path, (mode, data) in begun.items() if path.startswith(folders)}
    return found


def _around(base: Template, title: str, summary: str, engine: str) -> dict[str, tuple[bool, bytes]]:
    """What a template has besides the app's files: as the one that the app was made of."""
    manifest = tomllib.loads((base.folder / "template.toml").read_text(encoding="utf-8"))
    agent: dict[str, Any] = manifest.setdefault("agent", {})
    begun = f"The app began as a copy of one that is done: {title}. {summary}"
    agent["hints"] = "\n".join(filter(None, [str(agent.get("hints", "")).rstrip(), begun])) + "\n"
    if engine == "sqlite":
        # What the app's files say is SQLite's now.
        cast("dict[str, Any]", manifest.get("database", {})).pop("postgresql", None)
    manifest.pop("prompts", None)  # of what the app was before
    manifest |= {"title": title, "summary": summary}
    content = {"template.toml": (False, toml(manifest).encode())}
    for name in KEPT:
        if (base.folder / name).is_file():
            content[name] = False, (base.folder / name).read_bytes()
    if base.runtime:
        for path, mode, data in contents_of(base.runtime):
            content[f"runtime/{path}"] = mode == EXECUTABLE, data
    return content


def toml(table: Mapping[str, Any], prefix: str = "") -> str:
    """A manifest as TOML: texts, numbers, lists of them, and tables."""
    values = {key: value for key, value in table.items() if not isinstance(value, dict)}
    lines = [f"{_text(key)} = {_value(value)}" for key, value in values.items()]
    for key, value in table.items():
        if isinstance(value, dict):
            name = f"{prefix}{_text(key)}"
            lines += ["", f"[{name}]", toml(cast("dict[str, Any]", value), f"{name}.").rstrip("\n")]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case list():
            return f"[{', '.join(map(_value, cast('list[Any]', value)))}]"
        case _:
            return _text(str(value))


def _text(text: str) -> str:
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escapes.get(one) or (one if one.isprintable() else f"\\U{ord(one):08X}") for one in text) + '"'
