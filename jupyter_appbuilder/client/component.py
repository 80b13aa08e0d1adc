"""A component of an app below a cell: ``app.widget("Chart", data=df)``.

Its props are traits of the widget, both ways: setting one shows the component anew, and what it hands to ``onChange``
is the trait ``value``.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import html
import json
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import anywidget
import traitlets

from ..errors import AppBuilderError, InvalidInput
from . import bundled
from .component_page import document, encoded

if TYPE_CHECKING:
    from ..apps.component import Bundle
    from .aio import AsyncApp

MOST_ROWS = 10_000
"""Rows of a frame as a prop: a page shows no more, and a larger one is a dataset's (``app.data``)."""
LARGEST_COPY = 5 * 1024 * 1024
"""Characters of the copy that is stored with the notebook for readers without a kernel."""
CHANGE = "onChange"
EMPTY_HEIGHT, HEIGHT = 0, 320

log = logging.getLogger(__name__)


class ComponentWidget(anywidget.AnyWidget):
    """Shows one component. Props that are functions are called with what the component hands them."""

    _esm = bundled.script("component.js")
    _page = traitlets.Unicode().tag(sync=True)
    _given = traitlets.Unicode().tag(sync=True)
    _failed = traitlets.Unicode().tag(sync=True)
    """Why the newest code of the component is not shown."""
    _label = traitlets.Unicode().tag(sync=True)
    _height = traitlets.Int(EMPTY_HEIGHT).tag(sync=True)
    """In pixels; 0 for as high as the component is."""

    _watching: concurrent.futures.Future[Any] | None = None  # set last: also what was not made is closed

    def __init__(self, app: AsyncApp, component: str, bundle: Bundle, props: Mapping[str, Any]) -> None:
        functions = {name: value for name, value in props.items() if callable(value) and not _has_rows(value)}
        values = {name: value for name, value in props.items() if name not in functions}
        for name in props:
            if not name.isidentifier() or name in _RESERVED:
                raise InvalidInput(
                    f"A prop cannot be called {name!r} here: widgets have that already.",
                    hint="Give the component another name for it.",
                    field=name,
                )
        plain = {name: plain_value(name, value) for name, value in values.items()}
        super().__init__(_label=f"{component} of the app", _page=document(bundle.script, bundle.styles))
        self._app, self._component, self._bundle = app, component, bundle
        self._functions: dict[str, Callable[..., Any]] = functions
        self._plain: dict[str, Any] = plain
        self._names = {*values, "value"}
        self.add_traits(**{name: traitlets.Any(values.get(name)) for name in self._names})
        self.observe(self._changed, list(self._names))
        self.on_msg(self._take)
        self._give()
        self._watching = app.engine.post(self._follow())

    def _changed(self, change: Mapping[str, Any]) -> None:
        self._plain[change["name"]] = plain_value(change["name"], change["new"])
        self._give()

    def _give(self) -> None:
        self._given = encoded(self._plain, sorted({*self._functions, CHANGE}))

    def _take(self, widget: object, content: Any, buffers: object) -> None:
        """Take what the component called. In the kernel's main thread, as a cell."""
        match content:
            case {"method": "called", "name": str(name), "args": str(args)}:
                told: list[Any] = json.loads(args)
            case _:
                return
        if name == CHANGE:
            self.value = told[0] if told else None
        if name in self._functions:
            self._functions[name](*told)

    async def _follow(self) -> None:
        """Show the component anew when its code changed, by the agent or by hand."""
        session = await self._app.session()
        stale = False
        async with contextlib.aclosing(session.watch(session.summary.last_seq)) as messages:
            async for message in messages:
                for event in message["events"] if message["kind"] == "events" else ():
                    path = event["data"].get("path")
                    stale = stale or (event["type"] == "file.changed" and path in self._bundle.files)
                    stale = stale or event["type"] == "session.restored" or (bool(self._failed) and path is not None)
                if stale and not session.busy:
                    stale = False
                    await self._again()

    async def _again(self) -> None:
        try:
            self._bundle = await self._app.bundle(self._component)
        except AppBuilderError as error:
            self._failed = f"{error.message} {error.hint or ''}".strip()
        except Exception as error:
            log.exception("%s was not bundled", self._component)
            self._failed = f"The newest code could not be bundled: {error}"
        else:
            self._failed = ""
            self._page = document(self._bundle.script, self._bundle.styles)

    def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        super().close()

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """With a copy of the component as it is now, for readers without a kernel (nbconvert, a code host)."""
        shown = cast("Any", super()._repr_mimebundle_(**options))  # pyright: ignore[reportUnknownMemberType]
        page = document(self._bundle.script, self._bundle.styles, self._given)
        if shown is None or len(page) > LARGEST_COPY:
            return shown
        copy = (
            f'<iframe sandbox="allow-scripts" title="{html.escape(self._label)}" srcdoc="{html.escape(page)}" '
            f'style="width:100%;border:0;height:{self._height or HEIGHT}px"></iframe>'
        )
        data, about = shown
        return {**data, "text/html": copy, "text/plain": self._label}, about


def plain_value(name: str, value: Any) -> Any:
    """A prop as JSON has it: rows of a frame are a list of objects. Raises ``InvalidInput`` naming the prop."""
    from ..live.answers import answer_of

    try:
        if _has_rows(value):
            value = _rows(name, value)
        return json.loads(answer_of(value).body)["value"]
    except InvalidInput as error:
        said = error.message.replace("It returned", "It holds")
        raise InvalidInput(f"The prop {name} cannot be shown. {said}", hint=error.hint, field=name) from None


def _has_rows(value: Any) -> bool:
    from ..datasets.sources import is_frame

    return is_frame(value)


def _rows(name: str, frame: Any) -> list[dict[str, Any]]:
    from ..datasets.sources import opened

    rows: list[dict[str, Any]] = []
    for batch in opened(frame).batches:
        rows += batch.slice(0, MOST_ROWS + 1 - len(rows)).to_pylist()
        if len(rows) > MOST_ROWS:
            raise InvalidInput(
                f"It has more than {MOST_ROWS:,} rows.",
                hint=f"Hand over fewer, or an aggregate: {name}=df.head({MOST_ROWS}).",
            )
    return rows


_RESERVED = frozenset(ComponentWidget.class_trait_names()) | frozenset(dir(ComponentWidget))
