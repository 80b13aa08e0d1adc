"""The Python API: an app you build from a notebook or a script.

    from jupyter_appbuilder import App

    app = App("task-board")
    app.build("A task board that keeps its cards")     # waits; shows nothing
    await app.aio.build("Add a dark mode")             # the same, for code that must not block
    app.preview()                                      # the running app, below the cell

Each method waits until it is done. ``app.aio`` has the same methods as coroutines, for any event loop. Both can be
used on one app. Nothing but this process is needed: no Jupyter server.
"""

from __future__ import annotations

import contextlib
import functools
import queue
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from ..errors import AppBuilderError
from ..events import Mode
from ..wire import WireMessage
from .aio import AsyncApp
from .attaching import Attached, given
from .data import hand_over, new_file, write_rows
from .engine import Engine, engine
from .feed import Feed, questions
from .requests import Approve, Ask, go_on, retry
from .results import Handed, Plan, Turn, plan_of, turn_of
from .secrets import AppSecrets

if TYPE_CHECKING:
    from ..datasets.base import Keep
    from ..datasets.parquet import OnProgress
    from .component import ComponentWidget
    from .widget import AppWidget

__all__ = ["App"]

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def waiting(method: Callable[Concatenate[AsyncApp, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[App, P], T]:
    """A method of ``AsyncApp`` as one of ``App``: it waits."""

    @functools.wraps(method)
    def wait(app: App, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return app.aio.engine.run(method(app.aio, *args, **kwargs))

    wait.__module__, wait.__qualname__ = __name__, f"App.{method.__name__}"
    return wait


class reading(property, Generic[T]):
    """A method of ``AsyncApp`` without arguments as a property of ``App``."""

    def __init__(self, method: Callable[[AsyncApp], Coroutine[Any, Any, T]]) -> None:
        super().__init__(waiting(method))

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type | None = None, /) -> Self: ...
        @overload
        def __get__(self, instance: App, owner: type | None = None, /) -> T: ...
        def __get__(self, instance: App | None, owner: type | None = None, /) -> Any: ...


class App:
    """An app that an agent builds, and you.

    ``App("name")`` starts a new one in ``<root>/appbuilder/<name>``; without a name the first request gives it one.
    ``App.open("name")`` goes on with one you have, and ``App("name", exist_ok=True)`` does either, so that a notebook
    can be run again; ``template``, ``sandbox``, ``database`` and ``title`` are for a new one. ``model`` is
    ``provider:name``, ``template`` a template's name, folder or git address, ``sandbox`` where it runs (``local``,
    ``e2b``, …), ``database`` what its database is (``sqlite``, ``postgresql``); all have defaults. ``hosts`` are those
    that the app's code may reach from the start. ``root`` is, in this order, the argument, ``APPBUILDER_ROOT``, the
    root of the Jupyter server this kernel belongs to, the current folder.

    Every method raises an ``errors.AppBuilderError`` that says what to do next. Interrupting ``build`` stops the turn.
    """

    aio: AsyncApp
    """The same methods as coroutines."""

    def __init__(
        self,
        name: str = "",
        *,
        model: str = "",
        template: str = "",
        sandbox: str = "",
        database: str = "",
        title: str = "",
        root: str | Path | None = None,
        hosts: Sequence[str] = (),
        exist_ok: bool = False,
    ) -> None:
        """Raises ``Conflict`` for a name that is taken, unless ``exist_ok``."""
        settings = {"name": name, "model": model, "template": template, "sandbox": sandbox, "title": title}
        settings |= {"database": database}
        given = {key: value for key, value in settings.items() if value}
        self.aio = AsyncApp(engine(root), given, hosts=hosts, exist_ok=exist_ok)
        if name:
            self.aio.engine.run(self.aio.summary())

    @classmethod
    def _of(cls, engine: Engine, session: str) -> App:
        app = cls.__new__(cls)
        app.aio = AsyncApp(engine, {}, session)
        return app

    @classmethod
    def open(cls, name: str, *, model: str = "", root: str | Path | None = None) -> App:
        """Go on with a session, by its id or its folder's name; with ``model``, which it keeps, if that is given.

        Raises ``NotFound``.
        """
        running = engine(root)

        async def find() -> str:
            return (await running.builder.find(name)).id

        app = cls._of(running, running.run(find()))
        if model and model != app.summary["model"]:
            app.choose_model(model)
        return app

    @classmethod
    def from_notebook(
        cls,
        notebook: str | Path,
        prompt: str = "",
        *,
        name: str = "",
        model: str = "",
        template: str = "",
        sandbox: str = "",
        private: bool = False,
        variables: Mapping[str, Any] | None = None,
        root: str | Path | None = None,
        approve: Approve | None = None,
    ) -> App:
        """A new app that is made of a notebook: its agent is told of the cells, outputs and charts, and has the data
        that these show. Nothing of the notebook is run.

        Data are the files below the notebook's folder that its cells read by name, and with ``variables``
        (``globals()``, in the notebook) frames among them that are read or shown. ``private``: the agent is told names
        and types of columns, and no value, output or chart. With ``prompt`` it is built, too, ``approve`` as in
        ``build``; without it, ``build`` says what is wanted.

        Raises ``NotFound`` and ``InvalidInput`` for what is no notebook or empty, and ``AppBuilderError`` where the
        request did not come to its end: the app is there then, ``App.open`` goes on with it.
        """
        from .from_notebook import read, take_in

        analysis = read(notebook)
        given = {"model": model, "template": template, "sandbox": sandbox, "title": analysis.title, "root": root}
        app = cls(name, **given)  # pyright: ignore[reportArgumentType]
        take_in(app, analysis, variables or {}, private=private)
        if prompt and not (turn := app.build(prompt, approve=approve)).ok:
            raise AppBuilderError(turn.message or "The request did not come to its end.", hint=turn.hint)
        return app

    def fork(self, turn: str = "", *, checkpoint: str = "", name: str = "", model: str = "") -> App:
        """A new app that begins where this one was before a turn (``t1``, ``t2`` …; by default the last), or at one of
        ``checkpoints``. This app stays as it is."""
        made = self.aio.fork(turn, checkpoint=checkpoint, name=name, model=model)
        return self._of(self.aio.engine, self.aio.engine.run(made))

    @property
    def id(self) -> str:
        """The session's id; "" before the first request of an app without a name."""
        return self.aio.id

    @property
    def name(self) -> str:
        """The name of its folder."""
        return str(self.summary["name"])

    summary = reading(AsyncApp.summary)
    usage = reading(AsyncApp.usage)
    files = reading(AsyncApp.files)
    tree = reading(AsyncApp.tree)
    folder = reading(AsyncApp.folder)
    notebook = reading(AsyncApp.notebook)
    checkpoints = reading(AsyncApp.checkpoints)
    hosts = reading(AsyncApp.hosts)
    datasets = reading(AsyncApp.datasets)
    exposed = reading(AsyncApp.exposed)
    functions = reading(AsyncApp.functions)

    @property
    def secrets(self) -> AppSecrets:
        """The app's secrets: ``app.secrets["API_KEY"] = getpass()``. Values are never shown."""
        return AppSecrets(self.aio)

    unexpose = waiting(AsyncApp.unexpose)
    call = waiting(AsyncApp.call)
    call_function = waiting(AsyncApp.call_function)
    set_secret = waiting(AsyncApp.set_secret)
    remove_secret = waiting(AsyncApp.remove_secret)
    write = waiting(AsyncApp.write)
    edit = waiting(AsyncApp.edit)
    edits = waiting(AsyncApp.edits)
    delete = waiting(AsyncApp.delete)
    rename = waiting(AsyncApp.rename)
    run = waiting(AsyncApp.run)
    check = waiting(AsyncApp.check)
    try_ = waiting(AsyncApp.try_)
    picture = waiting(AsyncApp.picture)
    table = waiting(AsyncApp.table)
    query = waiting(AsyncApp.query)
    read = waiting(AsyncApp.read)
    checkpoint = waiting(AsyncApp.checkpoint)
    preview_version = waiting(AsyncApp.preview_version)
    name_version = waiting(AsyncApp.name_version)
    restore = waiting(AsyncApp.restore)
    publish = waiting(AsyncApp.publish)
    publications = reading(AsyncApp.publications)
    roll_back = waiting(AsyncApp.roll_back)
    unpublish = waiting(AsyncApp.unpublish)
    refreshing = reading(AsyncApp.refreshing)
    schedule = waiting(AsyncApp.schedule)
    pause_schedule = waiting(AsyncApp.pause_schedule)
    remove_schedule = waiting(AsyncApp.remove_schedule)
    refresh_published = waiting(AsyncApp.refresh_published)
    refresh_run = waiting(AsyncApp.refresh_run)
    look = waiting(AsyncApp.look)
    looks = reading(AsyncApp.looks)
    end_look = waiting(AsyncApp.end_look)
    preview = waiting(AsyncApp.preview)
    bundle = waiting(AsyncApp.bundle)
    allow = waiting(AsyncApp.allow)
    revoke = waiting(AsyncApp.revoke)
    answer = waiting(AsyncApp.answer)
    choose_model = waiting(AsyncApp.choose_model)
    export = waiting(AsyncApp.export)
    transcript = waiting(AsyncApp.transcript)
    save_picture = waiting(AsyncApp.save_picture)
    stop = waiting(AsyncApp.stop)
    close = waiting(AsyncApp.close)

    # Rows are written in the caller's thread: frames belong to it, and an interrupt reaches the person's own function.

    def data(
        self,
        name: str,
        source: Any,
        *,
        keep: Keep | None = None,
        private: bool | None = None,
        replace: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Handed:
        began = time.monotonic()
        file = self.aio.engine.run(new_file(self.aio, name))
        written = write_rows(name, source, file, on_progress)
        return self.aio.engine.run(
            hand_over(
                self.aio, name, source, written, file, keep, private, began, replace=replace, on_progress=on_progress
            )
        )

    data.__doc__ = AsyncApp.data.__doc__

    def refresh(self, name: str, *, replace: bool = False, on_progress: OnProgress | None = None) -> Handed:
        return self.data(name, self.aio.sources.again(name), on_progress=on_progress)

    refresh.__doc__ = AsyncApp.refresh.__doc__

    @overload
    def expose(self, function: F, *, name: str = "", timeout: float | None = None, at_once: int | None = None) -> F: ...
    @overload
    def expose(
        self, function: None = None, *, name: str = "", timeout: float | None = None, at_once: int | None = None
    ) -> Callable[[F], F]: ...
    def expose(
        self,
        function: Callable[..., Any] | None = None,
        *,
        name: str = "",
        timeout: float | None = None,
        at_once: int | None = None,
    ) -> Any:
        if function is None:
            return functools.partial(self.expose, name=name, timeout=timeout, at_once=at_once)
        return self.aio.engine.run(self.aio.expose(function, name=name, timeout=timeout, at_once=at_once))

    expose.__doc__ = AsyncApp.expose.__doc__

    # Turns are followed in the caller's thread: ``approve`` may ask the person, and an interrupt stops the turn.

    def build(
        self, prompt: str, *, model: str = "", approve: Approve | None = None, attach: Sequence[Attached] = ()
    ) -> Turn:
        """Ask the agent, and wait until it is done. An interrupt stops it; what was done so far is kept.

        ``approve`` is called with each question of the agent's (the data of an ``approval.requested`` event) and
        returns whether that may be. Without it nothing may; hosts can be allowed beforehand with ``allow``.

        ``attach``: files that the agent is shown with the request, as paths, ``(name, bytes)``, figures of Matplotlib
        or images of Pillow: 10 at most, 10 MB each. Raises ``InvalidInput`` for one that is not taken.
        """
        return turn_of(self._talk(prompt, model, approve, attach=attach))

    def retry(self, *, approve: Approve | None = None) -> Turn:
        """Drop what the last request changed, and ask for the same again. The files go back to what they were before
        it; what was there until now is a version in ``checkpoints``."""
        return self._follow(retry, approve)

    def go_on(self, *, approve: Approve | None = None) -> Turn:
        """Go on from where the last request was cut short: it was stopped, reached a limit, or failed."""
        return self._follow(go_on, approve)

    def ask(self, prompt: str, *, model: str = "", attach: Sequence[Attached] = ()) -> Turn:
        """Ask about the app; the answer is ``turn.text``. Nothing is changed. ``attach`` as in ``build``."""
        return turn_of(self._talk(prompt, model, None, "ask", attach))

    def plan(self, prompt: str, *, model: str = "", attach: Sequence[Attached] = ()) -> Plan:
        """Have a plan written; nothing is changed. ``plan.text`` is Markdown, ``plan.accept()`` has it built, and
        ``app.plan("…")`` again, with what should be different, makes another. ``attach`` as in ``build``.

        Raises ``AppBuilderError`` where the agent came to none.
        """
        return Plan(plan_of(self._talk(prompt, model, None, "plan", attach)), self._follow)

    @property
    def plans(self) -> list[Plan]:
        """The plans there are, the oldest first."""
        return [Plan(plan, self._follow) for plan in self.aio.engine.run(self.aio.plans())]

    def _follow(self, prompt: str | Ask, approve: Approve | None, model: str = "") -> Turn:
        return turn_of(self._talk(prompt, model, approve))

    def _talk(
        self,
        prompt: str | Ask,
        model: str,
        approve: Approve | None,
        mode: Mode = "build",
        attach: Sequence[Attached] = (),
    ) -> Feed:
        feed = Feed()
        for message in self.stream(prompt, model=model, attended=approve is not None, mode=mode, attach=attach):
            feed.take(message)
            for question in questions(message) if approve else ():
                self.answer(question["approval"], approve(question) if approve else False)
        return feed

    def stream(
        self,
        prompt: str | Ask,
        *,
        model: str = "",
        attended: bool = False,
        mode: Mode = "build",
        attach: Sequence[Attached] = (),
    ) -> Iterator[WireMessage]:
        """Ask the agent; wire messages as they come (docs/architecture.md, "Wire"). Closing the iterator stops it.

        ``attended``: you answer the agent's questions (``approval.requested`` events) with ``answer``; without it each
        is answered with no. ``mode``: build, plan or ask. ``attach`` as in ``build``.
        """
        files = given(attach)
        messages: queue.SimpleQueue[WireMessage | None] = queue.SimpleQueue()

        async def pump() -> None:
            try:
                messages_of = self.aio.session_stream(prompt, model, attended=attended, mode=mode, attach=files)
                async with contextlib.aclosing(messages_of) as stream:
                    async for message in stream:
                        messages.put(message)
            finally:
                messages.put(None)

        pumping = self.aio.engine.post(pump())
        try:
            while (message := messages.get()) is not None:
                yield message
        finally:
            pumping.cancel()
            # Also when interrupted: the turn has ended before anything else begins.
            with contextlib.suppress(BaseException):
                pumping.exception(timeout=30)
        pumping.result()

    @overload
    def widget(self) -> AppWidget: ...
    @overload
    def widget(self, component: str, **props: Any) -> ComponentWidget: ...
    def widget(self, component: str = "", **props: Any) -> AppWidget | ComponentWidget:
        """Chat, feed and preview in a cell; or one component of the app, by its name or the path of its file.

        ``props`` are what the component takes: values of JSON, frames (a list of rows, 10,000 at most), and functions,
        which are called with what it hands them. Each is a trait of the widget, and setting it shows the component
        anew. What the component hands to ``onChange`` is the trait ``value``.

        Raises ``InvalidInput`` and ``NotFound`` for a component that there is not, or that does not build.
        """
        if component:
            from .component import ComponentWidget

            return ComponentWidget(self.aio, component, self.bundle(component), props)
        from .widget import AppWidget

        return AppWidget(self.aio)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """``display(app)``, or ``app`` on a cell's last line, shows its widget."""
        widget: Any = self.widget()
        return widget._repr_mimebundle_(**options)

    def __enter__(self) -> App:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"App.open({self.name!r})" if self.id else "App()"
