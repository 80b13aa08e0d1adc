"""The running app of one session: its sandbox, dev server, preview address and reported errors.

Tools see it as ``tools.base.AppServer``, the preview proxy as ``preview.target.PreviewTarget``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..cancellation import uncut
from ..errors import AppBuilderError, Conflict, NotFound, Unavailable, says_no_room
from ..events import Draft
from ..eyes.viewers import Viewers
from ..log.journal import Journal
from ..preview.data_news import DataNews
from ..preview.stacks import SourceMaps
from ..preview.upstream import upstreams
from ..sandbox.base import Address, DevServer, Progress, Sandbox, server_at
from ..templates.templates import APP
from ..vault.mask import Mask
from .findings import Findings
from .function_server import FunctionServer
from .guarded import GuardedSandbox
from .python_calls import PythonCalls

if TYPE_CHECKING:
    from ..eyes.base import Eye, Look, Page, Portrait, Shot
    from ..eyes.check import Report
    from ..eyes.filming import Frame
    from ..eyes.preview import PreviewEye
    from ..eyes.scenarios import Listed, Outcome
    from ..pointing import Claim
    from ..preview.capabilities import Previews
    from ..preview.storage import PageStorage

SETTLE_SECONDS = 0.8
"""How long a page that is being watched gets to report errors after the last file change."""

FINDINGS_AT_ONCE = 30
FINDING_SECONDS = 30.0
"""So many findings of a page are stored as events at once, and one more each so many seconds."""
LOG_MARK = 500
"""Characters that tell a place in the dev server's log."""

AGAIN_SECONDS = (5.0, 60.0)
"""How long an app that a full disk kept from starting waits before it is tried again: at first, and at most."""

STATS_SECONDS = 5.0
"""How long a sandbox may take to tell what it uses."""

NO_EYE = "Looking at apps is switched off here (c.AppBuilder.browser)."

T = TypeVar("T")

log = logging.getLogger(__name__)


class _NotMade(Unavailable):
    """There is no sandbox to run anything in, or the machine refuses to run it."""


class AppData(Protocol):
    """What the app itself keeps on disk, as a tree (``workspace.Workspace``). It keeps nothing without folders."""

    @property
    def data_folders(self) -> Collection[str]: ...

    async def data_tree(self) -> str: ...

    async def put_back_data(self, tree: str) -> None: ...


class Portraits(Protocol):
    """Where the page's pictures are kept (``session.version_pictures``)."""

    async def tree(self) -> str:
        """The tree of the app's files as they are now; "" where that cannot be told."""
        ...

    async def seen(self, tree: str, portraits: Sequence[Portrait]) -> None: ...


class RunningApp:
    def __init__(
        self,
        session: str,
        journal: Journal,
        make_sandbox: Callable[[], Awaitable[Sandbox]],
        previews: Previews,
        storage: PageStorage,
        reserved: str | None = None,
        settled: Callable[[], Awaitable[None]] | None = None,
        provider: str = "",
        template: str = "",
        health: str = "",
        make_eye: Callable[[RunningApp], Eye] | None = None,
        data: AppData | None = None,
        folder: Path | None = None,
        mask: Mask | None = None,
        functions: FunctionServer | None = None,
        python: PythonCalls | None = None,
        hub_user: str = "",
        portraits: Portraits | None = None,
    ) -> None:
        """``reserved``: the path of its preview, where that is known already. ``settled`` is awaited before anything
        about a running app is stored: what a session begins with is stored first. ``health``: the path below the base
        that its server answers once all of it runs (``serve.ready`` of its template). ``make_eye`` makes who looks at
        its page; without it nobody does but the person. ``data`` is put back after the app was tried. ``folder``:
        the app's files. ``mask``: of what comes out of its sandbox. ``functions``: where its server takes secrets and
        calls. ``python`` carries what its server calls in the notebook. ``hub_user``: the person's name on a
        JupyterHub. ``portraits`` keeps the page's pictures of a look during which no file changed."""
        self.session = session
        self.storage = storage
        self._journal = journal
        self._make_sandbox = make_sandbox
        self._previews = previews
        self._sandbox: Sandbox | None = None
        self._mask = mask or Mask()
        self._functions = functions
        self._python = python
        self._hub_user = hub_user
        self._portraits = portraits
        self._given_at: Address | None = None  # the server that has the app's secrets
        self._unmade: DevServer | None = None  # stands for the server of a sandbox that could not be made or started
        self._no_room = ""  # what was said of the disk that was full when the app was started last
        self._again_at = 0.0  # ``time.monotonic()``: when that is tried again
        self._again_seconds = AGAIN_SECONDS[0]
        self._again: asyncio.Task[None] | None = None
        self._sandbox_since = 0.0  # ``time.monotonic()``
        self._starting = asyncio.Lock()
        self._start_task: asyncio.Task[DevServer] | None = None
        self._starts = 0  # that came to an end
        self._address: Address | None = None  # of the dev server that was started last
        self._closed = False
        self._making = asyncio.Lock()
        self._base_path: str | None = None
        self._reserved = reserved
        self._settled = settled
        self._provider = provider
        self.template = template
        self._health = health.lstrip("/")
        self._said: dict[str, Any] | None = None
        self._findings = Findings()
        self._maps = SourceMaps(folder)
        self._room = float(FINDINGS_AT_ONCE)  # for findings of the page
        self._room_at = time.monotonic()
        self._told_of_more = False
        self.changed_at = 0.0
        self._failed: set[str] = set()  # services besides the app itself, as they were told
        self._log_before = ""  # the dev server's, as it was when the last turn began
        self._page_seen_at: float | None = None
        self._page_shown_at: float | None = None
        self._eye_looked_at: float | None = None
        self._data = data
        self._trying = asyncio.Lock()
        self.data_news = DataNews()
        """Told where the file of a dataset was replaced: ``data_news.tell(name)``."""
        self.viewers = Viewers(lambda look: journal.live("look", look))
        self.eye = make_eye(self) if make_eye else None
        self.used_at = time.monotonic()

    # The sandbox

    async def sandbox(self) -> Sandbox:
        """The session's sandbox, made at first use."""
        async with self._making:
            if self._sandbox is None:
                made = await self._make_sandbox()
                self._sandbox = self._sandbox or self._guarded(made)
                self._sandbox_since = time.monotonic()
        self.used_at = time.monotonic()
        return self._sandbox

    async def take(self, sandbox: Sandbox) -> None:
        """Use a sandbox that stands already, in place of one yet to be made."""
        if self._closed:
            await sandbox.stop()
        else:
            self._sandbox = self._guarded(sandbox)
            self._sandbox_since = time.monotonic()

    def _guarded(self, sandbox: Sandbox) -> Sandbox:
        return GuardedSandbox(sandbox, self._mask, self._serves)

    @property
    def placed(self) -> tuple[str, str] | None:
        """The provider's name and the state of the sandbox there is; None when there is none."""
        return (self._sandbox.provider, self._sandbox.server.state) if self._sandbox else None

    async def describe_sandbox(self) -> dict[str, Any] | None:
        """The sandbox there is and what it uses, as JSON: bytes, seconds. None when there is none."""
        sandbox = self._sandbox
        if sandbox is None:
            return None
        try:
            async with asyncio.timeout(STATS_SECONDS):
                stats = await sandbox.stats()
            used = {"memory": stats.memory, "processes": stats.processes, "cpu": round(stats.cpu, 3)}
        except (AppBuilderError, TimeoutError):
            used = {"memory": None, "processes": None, "cpu": None}
        age = round(time.monotonic() - self._sandbox_since, 1)
        return {"provider": sandbox.provider, "state": sandbox.server.state, "age": age} | used

    # Its functions

    async def give_secrets(self) -> None:
        """Give the server that runs the app's secrets as they are now; one that starts gets them by itself."""
        if self._sandbox is not None and (server := self._sandbox.server).state == "ready":
            await self._give(server)

    async def _serves(self, server: DevServer) -> None:
        """A server has started: it has no secrets yet, and nobody carries its calls."""
        await self._give(server)
        if self._python is not None and server.address is not None:
            await self._python.listen(server.address, self.base_path)

    async def _give(self, server: DevServer) -> None:
        """What goes wrong is a finding: the app runs all the same, and its functions say what they lack."""
        self._given_at = server.address
        if self._functions is None or server.address is None:
            return
        try:
            await self._functions.give(server.address, self.base_path)
        except Unavailable as error:
            if self._functions.expected:
                await self._find({"kind": "server", "message": f"The app has not been given its secrets. {error}"})

    async def ask_functions(self, act: str, **request: Any) -> dict[str, Any]:
        """Ask the server of the app's functions (``FunctionServer.ask``), which is started if need be.

        Raises ``Unavailable`` where it does not run, ``NotFound`` for an app whose server has no functions.
        """
        if self._functions is None or not self._functions.has_functions:
            raise NotFound(
                "This app has no functions.", hint="Apps of the template serverless have some.", reason="no_functions"
            )
        server = await self.ensure()
        if server.state != "ready" or server.address is None:
            raise Unavailable(f"The app's server is {server.state}. {server.message}".rstrip(), reason="not_running")
        return await self._functions.ask(server.address, self.base_path, act, **request)

    async def arrives(self) -> None:
        """Log the person in where the app knows people by their names on a JupyterHub (``accounts.by`` is "hub")."""
        address = self.server.address
        if not self._hub_user or self._functions is None or address is None:
            return
        cookies = self.storage.cookie_header("/")
        with contextlib.suppress(Unavailable):  # the page then shows its form
            said = await self._functions.ask(address, self.base_path, "enter", name=self._hub_user, cookie=cookies)
            if isinstance(cookie := said.get("cookie"), str) and cookie:
                await asyncio.to_thread(self.storage.receive_cookies, [cookie], "/", self.base_path)

    @property
    def has_functions(self) -> bool:
        """True if its server has functions."""
        return self._functions is not None and self._functions.has_functions

    # The dev server

    @property
    def server(self) -> DevServer:
        return self._unmade or (self._sandbox.server if self._sandbox else DevServer("stopped"))

    def server_at(self, path: str) -> DevServer:
        return self.server if self._unmade or not self._sandbox else server_at(self._sandbox.servers, path)

    @property
    def _runs(self) -> bool:
        # One that was taken over ready is not running until that has been said.
        return self.server.state == "ready" and self.preview["state"] == "ready"

    @property
    def base_path(self) -> str:
        """The preview's URL path: a capability, so never stored."""
        if self._base_path is None:
            self._base_path = self._previews.open(self, self._reserved)
        return self._base_path

    async def reach(self, hosts: frozenset[str], on_refused: Callable[[str, str], None]) -> None:
        """Let the app's code reach ``hosts`` and no others; the dev server starts anew where it would not notice."""
        sandbox = self._sandbox
        if sandbox is not None and await sandbox.allow(hosts, on_refused) and not self._closed:
            with contextlib.suppress(AppBuilderError):  # stopped meanwhile: its next start has them
                await self.restart()

    async def ensure(self) -> DevServer:
        """Start or wake the dev server if need be; wait until it is ready or has failed."""
        self.used_at = time.monotonic()
        if self._runs:
            return self.server
        starts = self._starts
        async with self._starting:
            # Who waited for another's start has had what it wanted, even if the app sleeps again by now.
            return self.server if self._runs or self._starts > starts else await self._begin()

    async def started(self) -> None:
        """Wait while the dev server is being started, if it is."""
        async with self._starting:
            pass

    async def restart(self) -> DevServer:
        async with self._starting:
            return await self._begin()

    async def _begin(self) -> DevServer:
        """Start in a task that ``stop`` can cancel, whoever waits for it."""
        ended = Conflict("The preview was stopped.", hint="Start it again.", reason="preview_stopped")
        if self._closed:
            raise ended
        self._start_task = asyncio.create_task(self._start())
        try:
            server = await self._start_task
            self._starts += 1
            return server
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            raise ended from None
        finally:
            self._start_task = None

    async def _start(self) -> DevServer:
        from ..sandbox.metrics import started

        began = time.monotonic()
        asleep = self._sandbox is not None and self._sandbox.server.state == "asleep"
        self._forget()
        self._failed = set()
        self._log_before = ""
        self._unmade = None
        self._say("starting", "Waking up" if asleep else "Starting")
        try:
            sandbox = await self._made()
            if asleep:
                await self._by_machine(sandbox.wake())
                await self._keep(Draft("sandbox.woke"))
            if sandbox.server.state != "ready" or not asleep:
                await self._by_machine(sandbox.serve(self.base_path, self._on_progress))
            for name, beside in sandbox.servers.items():
                if name != APP and (beside.state != "ready" or not asleep):
                    await self._by_machine(sandbox.serve(self.base_path, service=name))
        except _NotMade as error:
            server = self._unmade = DevServer("failed", message=str(error))
        except AppBuilderError as error:
            server = DevServer("failed", message=str(error), log=self.server.log)
        except asyncio.CancelledError:
            self._say("stopped", "")
            started(self._provider, self.template, "stopped", 0)
            raise
        else:
            server = sandbox.server
        if server.address != self._address:
            await self._hang_up()
            self._address = server.address
        result = "ready" if server.state == "ready" else "failed"
        started(self._provider, self.template, result, time.monotonic() - began)
        self._say(server.state, server.message, log=server.log if server.state == "failed" else "")
        if self._settled:
            await self._settled()
        if server.state == "ready":
            if said := self._has_room():
                await self._keep(Draft("preview.error", {"kind": "server", "message": said}))
            await self._keep(Draft("preview.ready", {"duration_ms": server.started_ms or 0}))
        elif server.state == "failed":
            self._may_lack_room(server)
            finding = {"kind": "server", "message": server.message or "The dev server failed."}
            if self._unmade:
                # Nothing in the app is wrong, so nothing is to be fixed there; a check says it all the same.
                self._findings.add(finding)
            else:
                await self._find(finding)
        return server

    async def _made(self) -> Sandbox:
        """The session's sandbox. Raises ``_NotMade`` with a reason for whatever kept it from being made."""
        try:
            return await self._by_machine(self.sandbox())
        except _NotMade:
            raise
        except AppBuilderError as error:
            raise _NotMade(error.message, hint=error.hint, reason=error.reason) from error

    async def _by_machine(self, act: Awaitable[T]) -> T:
        """What ``act`` gives. Raises ``_NotMade`` where the machine refuses it, so that every start has an end: a full
        disk, a folder of somebody else's, a provider of another package that fails."""
        try:
            return await act
        except AppBuilderError:
            raise
        except Exception as error:
            log.exception("The sandbox of session %s could not be made or started", self.session)
            raise _NotMade(
                f"The sandbox could not be made: {str(error) or type(error).__name__}.",
                hint="See what is missing: jupyter appbuilder doctor. The server's log has the details.",
            ) from error

    async def _keep(self, draft: Draft) -> None:
        """Store how the sandbox stands. A log that refuses says so itself, and the app runs all the same."""
        with contextlib.suppress(Unavailable):
            await self._journal.append(draft)

    # A full disk

    def _may_lack_room(self, server: DevServer) -> None:
        """Remember that the start failed for a full disk, if it says so: ``notice`` tries again."""
        said = next((line for line in f"{server.message}\n{server.log}".splitlines() if says_no_room(line)), "")
        first, most = AGAIN_SECONDS
        self._again_seconds = min(2 * self._again_seconds, most) if self._no_room and said else first
        self._again_at = time.monotonic() + self._again_seconds
        self._no_room = said

    def _has_room(self) -> str:
        """The app has started: what to say of a full disk that kept it from that before, or nothing."""
        said, self._no_room = self._no_room, ""
        return f"The app could not start before: {said.strip()} There is room again." if said else ""

    def _try_again(self) -> None:
        """Start an app that a full disk kept from starting, every now and then."""
        if not self._no_room or time.monotonic() < self._again_at or self._starting.locked() or self._closed:
            return

        async def again() -> None:
            with contextlib.suppress(AppBuilderError):  # the preview says it
                await self.restart()

        self._again = asyncio.create_task(again())

    async def notice(self) -> None:
        """Tell whoever watches when a dev server that ran has ended by itself, or its sandbox was lost."""
        self._try_again()
        server = self.server
        if server.state == "failed" and self._said and self._said["state"] == "ready" and not self._starting.locked():
            self._say("failed", server.message, log=server.log)
            await self._find({"kind": "server", "message": server.message or "The dev server ended."})
        elif self._runs and server.address != self._given_at and not self._starting.locked():
            await self._serves(server)  # its sandbox made it anew by itself
        await self._notice_services()

    async def _notice_services(self) -> None:
        """The same of what is served besides the app itself, which goes on."""
        if self._sandbox is None or self._starting.locked():
            return
        failed = {name: it for name, it in self._sandbox.servers.items() if name != APP and it.state == "failed"}
        fresh = failed.keys() - self._failed
        self._failed = set(failed)
        for name in sorted(fresh):
            message = failed[name].message or "Its server ended."
            await self._find({"kind": "server", "message": f"The service {name} failed. {message}"})

    async def stop(self) -> None:
        """End the sandbox and every process in it, also while it starts. ``ensure`` starts it anew."""
        if (starting := self._start_task) is not None:
            starting.cancel()
            await asyncio.wait([starting])
        if self.eye:
            await self.eye.close()
        sandbox, self._sandbox = self._sandbox, None
        self._unmade = None
        self._no_room = ""
        if sandbox is not None:
            await sandbox.stop()
        await self._let_go()
        self._say("stopped", "")

    async def sleep(self) -> None:
        """Give the sandbox's memory back until somebody looks."""
        if self._sandbox is None or self.server.state != "ready":
            return
        await self._sandbox.sleep()
        await self._let_go()
        self._say("asleep", "Asleep to save memory. It wakes when you look.")
        await self._keep(Draft("sandbox.slept"))

    async def close(self) -> None:
        """Stop for good: nothing touches the workspace any more."""
        self._closed = True
        await self.stop()
        self._previews.close(self.session)

    async def _let_go(self) -> None:
        """Nothing runs any more: ask nothing of it."""
        if self._python is not None:
            await self._python.stop()
        await self._hang_up()

    async def _hang_up(self) -> None:
        """Close what is open to a dev server that is not there any more."""
        address, self._address = self._address, None
        if address is not None:
            await upstreams.close(address)

    def _on_progress(self, progress: Progress) -> None:
        self._say("starting", progress.message, progress.fraction)

    def _say(self, state: str, message: str, fraction: float | None = None, log: str = "") -> None:
        said = {"state": state, "url": self.base_path, "message": message, "fraction": fraction, "log": log}
        if state == "failed" and self._unmade:
            said["cause"] = "sandbox"
        if said != self._said:
            self._said = said
            self._journal.live("preview", said)

    @property
    def preview(self) -> dict[str, Any]:
        """The preview as JSON, as the API shows it."""
        return self._said or {"state": "stopped", "url": self.base_path, "message": "", "fraction": None, "log": ""}

    # What the page reports

    def files_changed(self, paths: Collection[str] | None = None) -> None:
        """These files are no longer what they were; None: any of them."""
        self.changed_at = time.monotonic()
        self._findings.changed(paths)
        self._told_of_more = False

    def _forget(self) -> None:
        self._findings.clear()
        self._told_of_more = False

    async def in_source(self, finding: Mapping[str, Any]) -> dict[str, Any]:
        """A finding of a page in the lines of the app's own files (``preview.stacks``)."""
        return await self._maps.in_source(self.server.address, self.base_path, finding)

    async def report(self, finding: dict[str, Any]) -> dict[str, Any]:
        """Take a finding of the page's probe: ``{"kind": "ready"}`` or an ``events.PreviewError``, as the page has it.

        Gives it in the lines of the app's files.
        """
        self._page_seen_at = self.used_at = time.monotonic()
        if finding.get("kind") == "ready":
            self._page_shown_at = self._page_seen_at
            self._findings.loaded(self._page_shown_at - finding.get("duration_ms", 0) / 1000)
        if finding.get("kind") not in ("server", "build", "page", "network"):
            return finding
        finding = await self.in_source(finding)
        await self._find_in_page(finding, acted=finding.get("acted") is True)
        return finding

    async def _find_in_page(self, finding: dict[str, Any], *, acted: bool = False) -> None:
        """Keep what is wrong with a page, which may report anything, as long as there is room."""
        if not self._findings.knows(finding) and self._findings.has_room():
            await self._find(finding, recorded=self._may_record(), acted=acted)

    def _may_record(self) -> bool:
        """True if one more finding of the page is stored: events are for ever, and a page must not fill the log."""
        now = time.monotonic()
        self._room = min(FINDINGS_AT_ONCE, self._room + (now - self._room_at) / FINDING_SECONDS)
        self._room_at = now
        if self._room < 1:
            return False
        self._room -= 1
        return True

    async def _find(
        self, finding: dict[str, Any], *, recorded: bool = True, checked: bool = False, acted: bool = False
    ) -> None:
        error = {name: finding[name] for name in ("kind", "message", "stack", "source") if finding.get(name)}
        if self._findings.knows(error):
            return
        self._findings.add(error, checked=checked, acted=acted)
        if not recorded:
            if self._told_of_more:
                return
            self._told_of_more = True
            error = {"kind": "page", "message": "The page reports more errors; not all of them are in the log."}
        await self._journal.append(Draft("preview.error", error))

    @property
    def looked(self) -> bool:
        """True if anybody saw the page as it is since the last file change: an open preview, or the browser."""
        shown = [at for at in (self._page_shown_at, self._eye_looked_at) if at is not None]
        return any(at >= self._findings.changed_at for at in shown)

    async def look_over(self) -> Report:
        """Look at the page at every width and try it. What is found is kept, as what the person's page reports is.

        Raises ``Unavailable`` where nobody can look, saying what is missing.
        """
        from ..eyes.check import look_over

        if self.eye is None:
            raise Unavailable(NO_EYE, reason="browser_missing")
        began = self.used_at = time.monotonic()
        portraits = self._portraits
        tree = await portraits.tree() if portraits else ""
        async with self.trying():
            report = await look_over(self.eye, portraits=bool(tree))
        self._findings.loaded(began, report.findings)
        if began >= self._findings.changed_at:
            self._eye_looked_at = began
            if portraits and report.portraits:
                await portraits.seen(tree, report.portraits)
        for finding in report.findings:
            await self._find_in_page(finding)
        return report

    async def cut_out(self, claim: Claim) -> Shot:
        """A picture of what the person pointed at, in a page that is loaded as theirs was.

        Raises ``NotFound`` (reason ``not_on_page``) where it is not there, else as ``portraits``.
        """
        from ..eyes.base import Look

        eye = await self._eye_that_pictures()
        view = claim.view
        look = Look("/" + claim.path.lstrip("/"), view.width, view.height, "dark" if view.dark else "light")
        async with eye.open(look) as page:
            found = None if page.state.hangs else await page.cut_out(claim)
        if found is None:
            raise NotFound(
                "It is not on the page as it loads, so there is no picture of it.",
                hint="What you pointed at goes along without one.",
                reason="not_on_page",
            )
        return found

    async def _eye_that_pictures(self) -> Eye:
        """Who can take pictures, once the app runs, which is started if need be."""
        if self.eye is None:
            raise Unavailable(NO_EYE, reason="browser_missing")
        eye = await self.eye.ready(pictures=True)
        server = await self.ensure()
        if server.state != "ready":
            hint = "Ask for it to be fixed, or restart the app."
            message = f"The app's server is {server.state}. {server.message}".rstrip()
            raise Unavailable(message, hint=hint, reason="not_running")
        return eye

    async def portraits(self, widths: Sequence[int]) -> list[Portrait]:
        """The page's pictures in windows of these widths. Starts the app if need be.

        Raises ``Unavailable`` where it does not run, or nobody can take any, saying what is missing.
        """
        from ..eyes.base import DESKTOP, Look
        from ..eyes.check import portrait_of

        eye = await self._eye_that_pictures()
        async with self.trying(), eye.open(Look(width=max(widths, default=DESKTOP))) as page:
            taken = [await portrait_of(page, width) for width in sorted(widths, reverse=True)]
        return [one for one in taken if one]

    async def screenshot(self, look: Look, check: Callable[[Page], Awaitable[None]] | None = None) -> Shot:
        """What is in view of a page, loaded afresh with nothing stored. ``check`` raises where no picture may be taken.
        Raises as ``portraits``."""
        eye = await self._eye_that_pictures()
        async with self.trying(), eye.open(look) as page:
            if check:
                await check(page)
            shot = await page.picture()
        if shot is None:
            raise Unavailable("The page could not be pictured: it does not come to rest.", reason="no_picture")
        return shot

    async def film(
        self,
        scenarios: Sequence[Listed],
        check: Callable[[Page], Awaitable[None]],
        on_progress: Callable[[str, float], None],
    ) -> list[Frame]:
        """What is to be seen while scenarios are done, as ``eyes.filming.film``. Raises as ``portraits``, too."""
        from ..eyes.filming import film

        eye = await self._eye_that_pictures()
        return await film(eye, scenarios, trying=self.trying, check=check, on_progress=on_progress)

    @property
    def is_open(self) -> bool:
        """True if a page of its preview holds a connection."""
        return self._previews.is_held(self.session)

    @property
    def shown(self) -> bool:
        """True if anybody has opened its page yet."""
        return self._page_seen_at is not None

    @cached_property
    def preview_eye(self) -> PreviewEye:
        """The person's own preview as an eye: one, so that who looks waits while a scenario is watched."""
        from ..eyes.preview import PreviewEye

        return PreviewEye(
            self.viewers,
            self._previews,
            self.session,
            lambda: self.base_path,
            self.server_at,
            self.storage,
            lambda: self.shown,
            self.in_source,
        )

    async def watch(self, scenario: Listed) -> Outcome:
        """Try a scenario before the person's eyes, in their preview. Raises ``Unavailable`` where none can show it."""
        from ..eyes.preview import watch

        server = await self.ensure()
        if server.state != "ready":
            raise Unavailable(f"The dev server is {server.state}. {server.message}".rstrip(), reason="not_running")
        async with self.trying():
            return await watch(self.preview_eye, scenario)

    @contextlib.asynccontextmanager
    async def trying(self) -> AsyncGenerator[None]:
        """What is done in it changes nothing that the app itself keeps: it is put back afterwards, and the app started
        anew, unless the person worked with the app meanwhile (``Previews.untouched``). Where it keeps something, one
        after the other."""
        data = self._data
        if data is None or not data.data_folders:
            yield
            return
        async with self._trying:
            began = time.monotonic()
            before = await data.data_tree()
            try:
                yield
            finally:
                if before and self._previews.untouched(self.session) > time.monotonic() - began:
                    await uncut(self._put_back(data, before))

    async def _put_back(self, data: AppData, before: str) -> None:
        with contextlib.suppress(AppBuilderError):
            sandbox = self._sandbox
            if sandbox is None or await data.data_tree() == before:
                return
            async with self._starting:
                await sandbox.sleep()
                try:
                    await data.put_back_data(before)
                finally:
                    await sandbox.wake()

    async def problems(self) -> list[dict[str, Any]]:
        """Errors that an open page reported, and modules that do not load; ``earlier``: whose code has changed since.

        Waits a moment when a page is open and may still be reporting.
        """
        from ..preview.modules import broken_modules, unwell

        address = self.server.address
        if address is not None:
            found = await broken_modules(address, self.base_path)
            if self._health and (finding := await unwell(address, self.base_path, self._health)):
                found.insert(0, finding)
            self._findings.checked(found)
            for finding in found:
                await self._find(finding, checked=True)
        if self._page_seen_at is not None:
            await asyncio.sleep(max(0.0, self._findings.changed_at + SETTLE_SECONDS - time.monotonic()))
        return self._findings.all()

    # What its server prints

    def turn_began(self) -> None:
        self.viewers.allow()
        self._log_before = self.server.log

    @property
    def printed(self) -> str:
        """The dev server's output since the last turn began."""
        now, before = self.server.log, self._log_before
        if now.startswith(before):
            return now[len(before) :]
        # Only the end of a log is kept. Of one that began anew nothing is known.
        end = before[-LOG_MARK:]
        return now[at + len(end) :] if (at := now.rfind(end)) >= 0 else now
