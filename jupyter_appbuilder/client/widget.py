"""Chat, feed and preview in a notebook cell: the panel's components over a comm instead of a WebSocket.

Every wire message of the session (docs/architecture.md, "Wire") is one custom message. The front end asks with
``{"id", "method", "params"}`` and is answered with ``{"reply": id, "ok": true, "result"}`` or
``{"reply": id, "ok": false, "error": {"message", "reason", "hint"}}``. ``watch`` (``{"after": N}``) starts the stream
of messages, anew if it runs; ``attach`` (``{"name"}``) comes with a file's bytes as buffers; ``METHODS`` are the
others.
"""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from ..approvals.rules import read_rule
from ..cancellation import in_thread
from ..errors import AppBuilderError, InvalidInput
from ..pointing import read_claim, read_claims
from ..turns.modes import read_mode
from ..usage.budgets import UNITS, read_changes
from ..wire import WireMessage
from . import bundled

if TYPE_CHECKING:
    from .aio import AsyncApp

Params = Mapping[str, Any]
log = logging.getLogger(__name__)


class AppWidget(anywidget.AnyWidget):
    """Shows one app. ``session`` is its id, "" until the first request of an app without a name."""

    _esm = bundled.script("widget.js")
    _css = bundled.styles("widget.css")
    session = traitlets.Unicode().tag(sync=True)

    def __init__(self, app: AsyncApp) -> None:
        super().__init__(session=app.id)
        self._app = app
        self._watching: concurrent.futures.Future[Any] | None = None
        self.on_msg(self._take)

    def _take(self, widget: object, content: Any, buffers: Sequence[Any] | None) -> None:
        """Take a request of the front end. Called in the kernel's main thread; answered from the engine's."""
        if isinstance(content, dict) and "method" in content:
            files = [bytes(buffer) for buffer in buffers or ()]
            self._app.engine.post(self.answer(content, files))  # pyright: ignore[reportUnknownArgumentType]

    async def answer(self, request: Mapping[str, Any], files: Sequence[bytes] = ()) -> None:
        reply: dict[str, Any] = {"reply": request.get("id")}
        try:
            method = str(request["method"])
            params: dict[str, Any] = request.get("params") or {}
            if method == "watch":
                result = await self._watch(params)
            elif method == "unwatch":
                result = self._unwatch()
            elif method == "open":
                result = await self._open(params)
            elif method == "attach":
                result = await self._attach(params, files)
            elif method in METHODS:
                result = await METHODS[method](self._app, params)
            else:
                raise InvalidInput(f"The widget has no method {method!r}.", hint="Reload the notebook.")
            self.send(reply | {"ok": True, "result": result})
        except AppBuilderError as error:
            self.send(reply | {"ok": False, "error": error.to_json()})
        except Exception as error:
            log.exception("The widget's request %s failed", request.get("method"))
            body = {"message": f"It did not work: {error}", "reason": "internal", "hint": "See the kernel's log."}
            self.send(reply | {"ok": False, "error": body})

    async def _watch(self, params: Params) -> None:
        session = await self._app.session()
        self.session = session.id
        self._unwatch()  # nothing is awaited from here on: of two requests at once, one stream is left

        async def pump() -> None:
            async with contextlib.aclosing(session.watch(int(params.get("after", 0)))) as messages:
                async for message in messages:
                    self.send(self._with_addresses(message))

        self._watching = self._app.engine.post(pump())

    async def _open(self, params: Params) -> None:
        """Show another app from now on: a fork, or what one was forked from."""
        from .aio import AsyncApp

        engine = self._app.engine
        session = await engine.builder.session(str(params["session"]))
        self._unwatch()
        self._app = AsyncApp(engine, {}, session.id)
        self.session = session.id  # the front end begins anew

    async def _attach(self, params: Params, files: Sequence[bytes]) -> Any:
        if not 1 <= len(files) <= 2:
            raise InvalidInput("The file did not arrive.", hint="Attach it again.")
        return await self._app.engine.builder.shelf.receive(str(params.get("name", "")), *files)

    def _unwatch(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    def close(self) -> None:
        self._unwatch()
        super().close()

    def _with_addresses(self, message: WireMessage) -> Mapping[str, Any]:
        """Make the preview's address in a message a whole URL: this process serves it, not the page's server."""
        match message:
            case {"kind": "snapshot", "preview": {"url": str(url)} as preview}:
                return message | {"preview": preview | {"url": self._app.engine.origin + url}}
            case {"kind": "live", "type": "preview", "data": {"url": str(url)} as data}:
                return message | {"data": data | {"url": self._app.engine.origin + url}}
            case _:
                return message


async def _send(app: AsyncApp, params: Params) -> Any:
    session, mode = await app.session(), read_mode(params.get("mode"))
    pointed = read_claims(params.get("pointed") or ())
    files = await app.engine.builder.shelf.take([str(id) for id in params.get("attachments") or ()])
    model = params.get("model") or None
    turn = await session.send(str(params["text"]), model=model, mode=mode, attachments=files, pointed=pointed)
    return {"turn": turn}


async def _point(app: AsyncApp, params: Params) -> Any:
    pointed, literal = await (await app.session()).point(read_claim(params["pointed"]))
    return {"pointed": pointed, "literal": literal}


async def _change_text(app: AsyncApp, params: Params) -> Any:
    await (await app.session()).change_text(read_claim(params["pointed"]), str(params["text"]))


async def _fork(app: AsyncApp, params: Params) -> Any:
    message, checkpoint = params.get("message"), str(params.get("checkpoint") or "")
    builder, source = app.engine.builder, (await app.session()).id
    forked, found = await builder.fork(source, message=None if message is None else int(message), checkpoint=checkpoint)
    created = forked.to_json()
    if text := str(params.get("text") or "").strip():
        sending = forked.send(text, mode=found.mode, attachments=found.attachments, pointed=found.pointed)
        builder.background.run(sending)  # once the files stand; a failure to make them is an event
    return created


async def _accept(app: AsyncApp, params: Params) -> Any:
    session, text = await app.session(), params.get("text")
    return {"turn": await session.accept(str(params["plan"]), None if text is None else str(text), by="notebook")}


async def _stop(app: AsyncApp, params: Params) -> Any:
    await (await app.session()).stop()


async def _retry(app: AsyncApp, params: Params) -> Any:
    return {"turn": await (await app.session()).retry()}


async def _continue(app: AsyncApp, params: Params) -> Any:
    return {"turn": await (await app.session()).go_on()}


async def _restore(app: AsyncApp, params: Params) -> Any:
    data = params.get("data", True) is not False
    return (await (await app.session()).restore(str(params["checkpoint"]), data=data)).to_json()


async def _name_version(app: AsyncApp, params: Params) -> Any:
    await app.name_version(str(params["checkpoint"]), str(params["name"]))


async def _diff(app: AsyncApp, params: Params) -> Any:
    return await (await app.session()).workspace.diff(str(params["checkpoint"]))


async def _preview(app: AsyncApp, params: Params) -> Any:
    session = await app.session()
    if params.get("action") == "stop":
        await session.stop_preview()
    else:
        await session.start_preview(restart=params.get("action") == "restart")


async def _update(app: AsyncApp, params: Params) -> Any:
    session = await app.session()
    given = {name: str(params[name]) for name in ("title", "model") if params.get(name) is not None}
    await session.update(**given)
    return session.to_json()


async def _answer(app: AsyncApp, params: Params) -> Any:
    await (await app.session()).answer(
        str(params["approval"]), params.get("granted") is True, remember=params.get("remember") is True
    )


async def _hosts(app: AsyncApp, params: Params) -> Any:
    return [host.to_json() for host in await (await app.session()).network.hosts()]


async def _allow(app: AsyncApp, params: Params) -> Any:
    await app.allow(str(params["host"]))


async def _revoke(app: AsyncApp, params: Params) -> Any:
    await app.revoke(str(params["host"]))


async def _usage(app: AsyncApp, params: Params) -> Any:
    return await app.usage()


async def _raise(app: AsyncApp, params: Params) -> Any:
    session = await app.session()
    await session.raise_budget({unit: float(params[unit]) for unit in UNITS if unit in params})
    return await app.usage()


async def _rules(app: AsyncApp, params: Params) -> Any:
    from ..approvals.rule_book import described

    record = (await app.session()).record if params.get("app") is True else None
    return described((await app.engine.builder.rules_of(record)).all())


async def _set_rule(app: AsyncApp, params: Params) -> Any:
    rule = read_rule({name: params[name] for name in ("tool", "pattern", "action") if name in params})
    if params.get("app") is True:
        await (await app.session()).set_rule(rule)
    else:
        app.engine.builder.rule_book.add(rule)
    return await _rules(app, params)


async def _remove_rule(app: AsyncApp, params: Params) -> Any:
    rule = str(params["rule"])
    if params.get("app") is True:
        await (await app.session()).forget_rule(rule)
    else:
        app.engine.builder.rule_book.remove(rule)
    return await _rules(app, params)


async def _report(app: AsyncApp, params: Params) -> Any:
    return await app.engine.builder.usage.of_days(int(params.get("days", 30)))


async def _budgets(app: AsyncApp, params: Params) -> Any:
    changes, timezone = read_changes(params["changes"])
    settings = app.engine.builder.usage.settings
    settings.set_own(changes, timezone)
    return settings.to_json()


async def _requests(app: AsyncApp, params: Params) -> Any:
    from ..usage.accounts import as_csv

    requests = await app.engine.builder.usage.requests(int(params.get("days", 30)))
    if params.get("format") == "csv":
        return await in_thread(as_csv, requests)
    return await in_thread(json.dumps, requests)


async def _sandboxes(app: AsyncApp, params: Params) -> Any:
    return await app.engine.builder.sandboxes.describe_providers()


async def _tools(app: AsyncApp, params: Params) -> Any:
    return [tool.to_json() for tool in app.engine.builder.tools.values()]


async def _try(app: AsyncApp, params: Params) -> Any:
    result = await app.try_(*(str(name) for name in params.get("names") or ()))
    return {"ok": result.ok, "summary": result.summary}


async def _remove_scenario(app: AsyncApp, params: Params) -> None:
    name = str(params["name"])
    await app.delete(f"scenarios/{name}.yaml")


async def _picture(app: AsyncApp, params: Params) -> Any:
    picture = await app.picture(str(params["sha256"]))
    return base64.b64encode(picture).decode() if picture else None


async def _transcript(app: AsyncApp, params: Params) -> Any:
    from .transcript import transcript_of

    session = await app.session()
    return await transcript_of(app.engine.builder, session.summary, await session.events())


METHODS: Mapping[str, Callable[[AsyncApp, Params], Awaitable[Any]]] = {
    "send": _send,
    "point": _point,
    "change_text": _change_text,
    "accept": _accept,
    "stop": _stop,
    "retry": _retry,
    "continue": _continue,
    "fork": _fork,
    "restore": _restore,
    "name_version": _name_version,
    "diff": _diff,
    "try": _try,
    "remove_scenario": _remove_scenario,
    "picture": _picture,
    "transcript": _transcript,
    "preview": _preview,
    "update": _update,
    "answer": _answer,
    "hosts": _hosts,
    "allow": _allow,
    "revoke": _revoke,
    "usage": _usage,
    "raise": _raise,
    "rules": _rules,
    "set_rule": _set_rule,
    "remove_rule": _remove_rule,
    "report": _report,
    "budgets": _budgets,
    "requests": _requests,
    "sandboxes": _sandboxes,
    "tools": _tools,
}
"""What the front end may ask for besides these three: the transport of labextension/src/core."""
