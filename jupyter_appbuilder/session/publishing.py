"""Publishing a version of a session's app: built, looked at and tried as readers will have it, passed through the gate,
handed to a target. The draft goes on meanwhile; what readers get stays until the new release is in place, whole.

One at a time in a session. How it stands is told to the watchers (``publishing``), and is there for who comes later.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import secrets as random
import time
import unicodedata
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from ..cancellation import ended, in_thread, uncut
from ..datasets.record import placed
from ..errors import AppBuilderError, Conflict, InvalidInput, NotFound, Unavailable, of_the_disk
from ..events import (
    AcceptedFinding,
    Draft,
    Event,
    PublishingFinding,
    PublishingStatus,
    PublishingStep,
    timestamp,
)
from ..publishing.base import (
    NAME,
    Bundle,
    BundleKind,
    BundleManifest,
    GateFinding,
    Order,
    Preflight,
    Publisher,
    Release,
    Selective,
    Sharing,
    Tell,
)
from ..tools.names import CHECK
from ..workspace.folder import remove_folder
from .earlier import VERSIONS, made, remove

if TYPE_CHECKING:
    from ..apps.running import RunningApp
    from ..eyes.scenarios import Outcome
    from ..publishing.shelf import Entry, Publication, Shelf
    from ..sandbox.base import Sandbox
    from ..templates.templates import Publishing as Manifest
    from ..templates.templates import Template
    from ..vault import Vault
    from ..workspace import Checkpoint, Workspace
    from ..workspace.records import LaidOut
    from .record import Record
    from .secrets import AppSecrets

LONGEST_LOG = 16 * 1024  # characters
LONGEST_REASON = 1000
MOST_FINDINGS = 200
"""That are shown: of more the worst, and one that stands for the rest."""
SEVERITIES = ("high", "medium", "low")
MOST_RAISED = 5
TRACEBACK = re.compile(
    r"Traceback \(most recent call last\):[^\n]*\n(?P<frames>(?:[ \t][^\n]*\n|\n)+)(?P<error>\S[^\n]*)"
)
PLACE = re.compile(r'File "/workspace/(?P<path>[^"\n]{1,300})", line (?P<line>\d{1,8})')
SAY_SECONDS = 0.25
"""How often progress is told at most."""

Step = Literal["build", "check", "scenarios", "gate", "hand_over"]
STEPS: tuple[Step, ...] = ("build", "check", "scenarios", "gate", "hand_over")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What publishing needs of its session. ``lay`` puts a version into a folder; ``sandbox`` is one for the app's
    files there, without secrets; ``run`` shows a template's server of them, or the site in a folder, in an app of its
    own. ``hosts``: what the app's server may reach. ``hard``: kinds of findings that no reason accepts.
    ``promised``: how old data at a target may get, as a bundle's manifest says it."""

    record: Record
    workspace: Workspace
    shelf: Shelf
    vault: Vault
    secrets: AppSecrets
    template: Callable[[], Template]
    lay: Callable[[str, Path], Awaitable[LaidOut]]
    sandbox: Callable[[Path], Awaitable[Sandbox]]
    run: Callable[[Path, Template | Path], Awaitable[RunningApp]]
    hosts: Callable[[], Sequence[str]]
    hard: Callable[[], Sequence[str]]
    publisher: Callable[[str], Publisher]
    publishers: Callable[[], Mapping[str, Publisher]]
    promised: Callable[[str], int | None]


@dataclass(frozen=True, slots=True)
class Seen:
    """Of the look at what was built: other hosts that its page asked, and what axe found."""

    hosts: Sequence[str] = ()
    axe: Sequence[Mapping[str, Any]] = ()


class Unrecorded:
    """The journal of an app of which nothing is stored or told."""

    async def append(self, *drafts: Draft) -> list[Event]:
        return []

    def live(self, type: str, data: dict[str, Any]) -> None:
        """Nobody watches it."""


@dataclass
class Try:
    """One release on its way."""

    publisher: Publisher
    name: str
    settings: dict[str, str]
    reasons: dict[str, str]
    status: PublishingStatus
    tell_status: Callable[[PublishingStatus], None]
    findings: list[GateFinding] = field(default_factory=list[GateFinding])
    checks: list[PublishingFinding] = field(default_factory=list[PublishingFinding])
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    handed_over: bool = False
    error: AppBuilderError | None = None
    _said: float = 0.0
    _later: asyncio.TimerHandle | None = None

    def say(self, **change: Any) -> None:
        """Tell how it stands now."""
        self.status = cast("PublishingStatus", {**self.status, **change})
        if self._later:
            self._later.cancel()
            self._later = None
        self._said = time.monotonic()
        self.tell_status(self.status)

    def step(self, step: Step, state: str, message: str = "") -> None:
        steps = [
            cast("PublishingStep", {"step": step, "state": state, "message": message}) if one["step"] == step else one
            for one in self.status["steps"]
        ]
        self.say(steps=steps)

    def line(self, line: str) -> None:
        """A line of the log; several are told together."""
        self.status = {**self.status, "log": f"{self.status['log']}{line}\n"[-LONGEST_LOG:]}
        if self._later is None:
            wait = max(0.0, self._said + SAY_SECONDS - time.monotonic())
            self._later = asyncio.get_running_loop().call_later(wait, self.say)


class Publishing:
    """Of one session."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._try: Try | None = None
        self._work: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def status(self) -> PublishingStatus | None:
        """What is on its way, or was last; None for nothing."""
        return self._try.status if self._try else None

    @property
    def runs(self) -> bool:
        """True while one is on its way, and waits for nobody."""
        return self.busy and self._try is not None and self._try.status["state"] == "running"

    @property
    def busy(self) -> bool:
        return self._work is not None and not self._work.done()

    # What there is

    async def publications(self) -> list[Publication]:
        """What the app has at targets."""
        session = self._means.record.id
        found = await in_thread(self._means.shelf.all, session)
        return [one for one in found if one.releases]

    async def overview(self) -> dict[str, Any]:
        """All that a page for publishing shows, as JSON."""
        versions = await self._means.workspace.checkpoints()
        checked = checked_versions(self._means.record.stored)
        there = {one.id for one in versions}
        passed = [id for id in reversed(checked) if id in there]
        publications = await self.publications()
        found = await in_thread(self._means.publishers)
        targets = await asyncio.gather(*(self._target(one, publications) for one in found.values()))
        return {
            "targets": list(targets),
            "name": next((one.name for one in publications), "") or self._name,
            "checkpoint": passed[0] if passed else (versions[0].id if versions else None),
            "checked": passed[:200],
            "publications": [one.to_json() for one in publications],
            "running": self.status,
        }

    async def _target(self, publisher: Publisher, publications: Sequence[Publication]) -> dict[str, Any]:
        last = {one.target: one.settings for one in publications}.get(publisher.name)
        kept = await in_thread(self._means.vault.kept, self._vault_folder)
        stored = {one.name for one in kept}
        settings = [
            {
                "name": one.name,
                "title": one.title,
                "help": one.help,
                "secret": one.secret,
                "required": one.required,
                "choices": list(one.choices),
                "default": one.default,
                "stored": one.secret and _vault_name(publisher.name, one.name) in stored,
                "value": last.get(one.name, "") if last and not one.secret else "",
            }
            for one in publisher.settings
        ]
        return {
            "name": publisher.name,
            "title": publisher.title,
            "kinds": list(publisher.kinds),
            "keeps": publisher.keeps,
            "history": publisher.history,
            "unavailable": await in_thread(self._refusal, publisher),
            "settings": settings,
            "url": "appbuilder/apps/{name}/" if publisher.name == "here" else "",
        }

    def _refusal(self, publisher: Publisher) -> str:
        """Why a target takes no version of this app; "" if it does."""
        try:
            self._manifest(publisher)
        except AppBuilderError as error:
            return error.message if error.reason == "wrong_kind" else str(error)  # where else to is listed beside it
        return publisher.unavailable()

    def _manifest(self, publisher: Publisher) -> Manifest:
        from ..publishing.building import publishing_of

        manifest = publishing_of(self._means.template())
        if self._means.template().engine == "postgresql":
            raise Conflict(
                "The app's database is on a PostgreSQL server, and what is published has to bring its own.",
                hint="Export the app and run it where DATABASE_URL names a database for its readers (its README says "
                "how), or make the app anew with its database in a file: --database sqlite.",
                reason="on_postgresql",
            )
        template = self._means.template().name
        if why := _takes_not(publisher, template, manifest.kind):
            found = self._means.publishers().values()
            others = [f"{one.title} ({one.name})" for one in found if not _takes_not(one, template, manifest.kind)]
            raise Conflict(
                why,
                hint=f"Publish it elsewhere: {', '.join(others)}." if others else "No target here takes it.",
                reason="wrong_kind",
            )
        return manifest

    # Acts

    async def start(
        self,
        target: str = "here",
        *,
        name: str = "",
        checkpoint: str = "",
        settings: Mapping[str, str] | None = None,
        accepted: Mapping[str, str] | None = None,
    ) -> PublishingStatus:
        """Begin to publish a version. Raises ``InvalidInput``, ``NotFound``, and ``Conflict`` where one is on its way
        already, the name is another app's, or the target does not take it."""
        means = self._means
        self._check_free()
        publisher = await in_thread(means.publisher, target)
        await in_thread(self._manifest, publisher)
        if why := await in_thread(publisher.unavailable):
            raise Unavailable(why, reason="target_unavailable")
        there = await in_thread(means.shelf.of, means.record.id, target)
        chosen = name or (there.name if there else self._name)
        if not NAME.fullmatch(chosen):
            raise InvalidInput(
                f"{chosen[:60]!r} cannot be the name of a published app.",
                hint="Use small letters, digits and hyphens, 42 at most.",
                field="name",
            )
        if there and there.name != chosen:
            raise Conflict(
                f"The app is published there as {there.name!r} already.",
                hint="Publish it under that name, or unpublish it first.",
                reason="other_name",
                field="name",
            )
        taken = await in_thread(means.shelf.find, target, chosen)
        if taken and taken.session != means.record.id:
            from ..publishing.shelf import name_taken

            raise name_taken(taken)
        version = await self._version(checkpoint)
        reasons = {**reasons_in(means.record.stored), **checked_reasons(accepted or {})}
        given = await self._settings(publisher, settings or {}, there)
        self._check_free()  # another was quicker
        one = self._try = Try(publisher, chosen, given, reasons, _begun(target, chosen, version.id, STEPS), self._told)
        one.say()
        self._work = asyncio.create_task(self._run(one, lambda: self._publish(one, version)))
        return one.status

    def _check_free(self) -> None:
        """Raises ``Conflict`` where nothing can be put on its way."""
        if self._closed:
            raise Conflict("The app was closed.", hint="Open it again.", reason="session_ended")
        if self.busy:
            raise Conflict(
                "A version is being published already.", hint="Wait for it, or stop it.", reason="publishing"
            )

    async def finished(self) -> PublishingStatus | None:
        """Wait until nothing is on its way, or it waits for answers."""
        while self.busy and self._try and self._try.status["state"] == "running" and self._work:
            await asyncio.wait([self._work], timeout=0.1)
        return self.status

    async def answer(self, accepted: Mapping[str, str]) -> PublishingStatus:
        """Give reasons for which findings are published anyway. Raises ``Conflict`` where nothing waits for any,
        ``InvalidInput`` for a reason that is none, or that no reason may be given for."""
        one = self._try
        if one is None or one.status["state"] != "waiting":
            raise Conflict("Nothing waits for an answer.", hint="Publish a version first.", reason="nothing_waits")
        known = {finding["id"]: finding for finding in one.status["findings"]}
        for id in accepted:
            if id not in known:
                raise InvalidInput(f"There is no finding {id[:60]!r}.", hint="See the list.", field="accepted")
            if known[id]["hard"]:
                raise InvalidInput(
                    f"No reason makes up for this: {known[id]['message']}",
                    hint="An administrator decided so (c.AppBuilder.publish_hard). Have it fixed.",
                    field="accepted",
                )
        one.reasons |= checked_reasons(accepted)
        if not self._list_findings(one):
            one.say(state="running")
        one.answered.set()
        return one.status

    async def stop(self) -> None:
        """Stop what is on its way; readers keep what they have. A release that is in place already stays."""
        if (work := self._work) is not None and not work.done():
            await ended([work])

    async def close(self) -> None:
        self._closed = True
        await self.stop()

    async def roll_back(self, target: str, number: int) -> Publication:
        """Give readers an earlier release again. Where another keeps what readers get, it is sent there once more,
        which is told and can be stopped like publishing. Raises ``NotFound``, ``Conflict``, and what the target says.
        """
        publisher = await in_thread(self._means.publisher, target)
        there = await self._published(target)
        entry = there.entry(number)
        if entry is None:
            numbers = ", ".join(str(one.number) for one in there.releases if one.kept)
            raise NotFound(
                f"There is no release {number}.", hint=f"It has: {numbers}.", reason="no_release", field="number"
            )
        settings = await self._settings(publisher, {}, there)
        if publisher.keeps:
            return await uncut(self._rolled_back(publisher, there, entry, settings, lambda _: None))
        self._check_free()
        status = _begun(target, there.name, entry.checkpoint, ("hand_over",))
        one = self._try = Try(publisher, there.name, settings, {}, {**status, "number": number}, self._told)
        one.step("hand_over", "running", f"Handing release {number} to {publisher.title} again")
        work = self._work = asyncio.create_task(self._run(one, lambda: self._sent_again(one, there, entry)))
        await asyncio.wait([work])
        if one.error:
            raise one.error
        if not one.handed_over:
            raise Conflict("It was stopped. Readers get what they had.", hint="Roll back again.", reason="stopped")
        return await self._published(target)

    async def _sent_again(self, one: Try, there: Publication, entry: Entry) -> None:
        await self._rolled_back(one.publisher, there, entry, one.settings, self._tell(one))
        one.handed_over = True
        one.status = {**one.status, "url": entry.url, "note": entry.note, "file": bool(entry.file)}
        one.step("hand_over", "done", "")

    async def _rolled_back(
        self, publisher: Publisher, there: Publication, entry: Entry, settings: Mapping[str, str], tell: Tell
    ) -> Publication:
        means = self._means

        def take() -> tuple[Bundle, Bundle | None]:
            bundle = means.shelf.bundle(there.target, there.name, entry.number)
            now = there.live and there.entry(there.live)
            return bundle, means.shelf.bundle(there.target, there.name, now.number) if now and now.kept else None

        bundle, previous = await in_thread(take)
        with means.shelf.taking(means.record.id, there.target, there.name):
            await publisher.publish(Order(bundle, entry.number, previous, settings), tell)
            return await uncut(self._live_again(there, entry))

    async def _live_again(self, there: Publication, entry: Entry) -> Publication:
        means = self._means
        now = await in_thread(means.shelf.roll_back, there.target, there.name, entry.number)
        told = {"number": entry.number, "checkpoint": entry.checkpoint, "url": entry.url}
        told |= {"target": there.target, "name": there.name, "data_as_of": entry.data_as_of}
        await means.record.append(Draft("publication.rolled_back", told))
        return now

    async def unpublish(self, target: str) -> None:
        """Take the app down at a target. Raises ``NotFound``, ``Conflict``, and what the target says."""
        publisher = self._means.publisher(target)
        there = await self._published(target)
        await uncut(self._taken_down(publisher, there))

    async def _taken_down(self, publisher: Publisher, there: Publication) -> None:
        means = self._means
        with means.shelf.taking(means.record.id, there.target, there.name):
            settings = await self._settings(publisher, {}, there)
            await publisher.unpublish(there.name, settings, lambda _: None)
            await in_thread(means.shelf.unpublish, there.target, there.name)
        await means.record.append(Draft("app.unpublished", {"target": there.target, "name": there.name}))

    async def readers(self, target: str) -> Mapping[str, str]:
        """Who may open the app, as settings. Raises ``NotFound``, ``Conflict``, and what the target says."""
        there = await self._published(target)
        return await self._sharing(target).readers(there.name)

    async def change_readers(self, target: str, settings: Mapping[str, str]) -> Mapping[str, str]:
        """Change who may open it, from now on and for the next release. Raises as ``readers``, and ``InvalidInput``."""
        means = self._means
        there = await self._published(target)
        sharing = self._sharing(target)
        with means.shelf.taking(means.record.id, there.target, there.name):
            now = await sharing.change_readers(there.name, settings, lambda _: None)
            await in_thread(means.shelf.keep_settings, there.target, there.name, now)
        return now

    def _sharing(self, target: str) -> Sharing:
        publisher = self._means.publisher(target)
        if not isinstance(publisher, Sharing):
            raise Conflict(
                f"{publisher.title} does not know who may open an app.",
                hint="Publish it to the Hub to share it with some people only.",
                reason="not_shared",
            )
        return publisher

    async def reconcile(self) -> None:
        """Tell the log of a release that readers get since a process put it in place and died before it said so."""
        told = {(one["target"], one["number"]) for one in self._means.record.summary.published}
        for there in await self.publications():
            entry = there.entry(there.live)
            if entry and (there.target, entry.number) not in told:
                await self._means.record.append(_published(there.target, there.name, entry))

    async def visits(self, target: str) -> Mapping[str, int]:
        """How often readers opened the app, by day. Raises ``NotFound``."""
        from ..publishing.visits import Visits

        there = await self._published(target)
        return await in_thread(Visits(self._means.shelf.folder / target / there.name).days)

    async def file(self, target: str, number: int) -> Path:
        """The archive that a target made of a release. Raises ``NotFound``."""
        there = await self._published(target)
        entry = there.entry(number)
        if entry is None or not entry.file:
            raise NotFound(f"Release {number} has no archive.", hint="Publish again.", reason="not_kept")
        return Path(entry.file)

    async def forget(self) -> None:
        """The session is deleted: take everything down that is kept here."""
        for there in await self.publications():
            with suppress(AppBuilderError):
                publisher = self._means.publisher(there.target)
                if publisher.keeps:
                    await publisher.unpublish(there.name, await self._settings(publisher, {}, there), lambda _: None)
        await in_thread(self._means.shelf.forget, self._means.record.id)
        await in_thread(self._means.vault.forget, self._vault_folder)

    async def _published(self, target: str) -> Publication:
        found = await in_thread(self._means.shelf.of, self._means.record.id, target)
        if found is None:
            raise NotFound(
                f"The app is not published at {target[:60]!r}.", hint="Publish it there first.", reason="not_published"
            )
        return found

    # The work

    def _told(self, status: PublishingStatus) -> None:
        self._means.record.live("publishing", {**status})

    async def _run(self, one: Try, work: Callable[[], Awaitable[None]]) -> None:
        try:
            with suppress(asyncio.CancelledError):
                await work()
            one.say(state="done" if one.handed_over else "stopped", steps=_ended(one.status["steps"], "skipped"))
        except AppBuilderError as error:
            self._fail(one, error)
        except OSError as error:
            self._fail(one, of_the_disk(error, self._means.shelf.folder))
        except Exception as error:
            version, session = one.status["checkpoint"], self._means.record.id
            log.exception("Version %s of session %s cannot be published", version, session)
            self._fail(one, AppBuilderError(f"It cannot be published: {type(error).__name__}.", hint="See the log."))

    def _fail(self, one: Try, error: AppBuilderError) -> None:
        mask = self._means.secrets.mask
        steps = _ended(one.status["steps"], "failed")
        one.error = error
        one.say(state="failed", steps=steps, message=mask.text(error.message), hint=mask.text(error.hint))

    async def _publish(self, one: Try, version: Checkpoint) -> None:
        means = self._means
        if isinstance(one.publisher, Preflight):
            one.step("build", "running", f"Looking whether {one.publisher.title} takes it")
            template = means.template().name
            await one.publisher.preflight(one.name, template, one.settings, self._tell(one))
        place = means.workspace.folder.parent / VERSIONS / random.token_hex(6)
        held = await in_thread(made, place)
        making = await in_thread(means.shelf.make)
        try:
            bundle = await self._build(one, version, place, making.folder)
            seen = await self._check(one, place, bundle)
            await self._gate(one, place, bundle, seen)
            await self._hand_over(one, bundle)
        finally:

            def tidy() -> None:
                making.release()
                remove(place)
                held.release()

            await in_thread(tidy)

    def _tell(self, one: Try) -> Tell:
        mask = self._means.secrets.mask
        return lambda line: one.line(mask.text(line))

    async def _build(self, one: Try, version: Checkpoint, place: Path, making: Path) -> Bundle:
        from ..publishing.as_of import mark_site
        from ..publishing.base import SITE
        from ..publishing.building import run_build, take_files, take_output
        from ..publishing.bundles import write_manifest

        means = self._means
        template, tell = means.template(), self._tell(one)
        one.step("build", "running", "Copying the version")
        laid = await means.lay(version.id, place)
        if laid.note:
            tell(laid.note)
        files, into = place / "app", making / "bundle"
        await take_files(template, files, into)
        manifest = self._manifest(one.publisher)
        if manifest.build:
            one.step("build", "running", "Building")
            sandbox = await means.sandbox(files)
            try:
                await run_build(sandbox, template, "/", tell)
            finally:
                await uncut(sandbox.stop())
        await take_output(template, files, into, tell)
        described = await self._described(one, version, template, manifest)
        if manifest.kind == "static":
            await in_thread(mark_site, into / SITE, described)
        bundle = await in_thread(write_manifest, into, described)
        one.step("build", "done", "")
        return bundle

    async def _described(self, one: Try, version: Checkpoint, template: Template, manifest: Manifest) -> BundleManifest:
        means = self._means
        names = [secret.name for secret in await means.secrets.all()] if manifest.kind == "server" else []
        return {
            "format": 1,
            "kind": manifest.kind,
            "session": means.record.id,
            "name": one.name,
            "title": means.record.summary.title,
            "template": template.name,
            "checkpoint": version.id,
            "tree": version.tree,
            "built_at": timestamp(),
            "data_as_of": data_as_of(means.record.stored),
            "promised": await in_thread(means.promised, one.publisher.name),
            "serve": list(manifest.serve),
            "ready": manifest.ready,
            "strip": manifest.strip,
            "environment": {**template.environment, **manifest.environment},
            "data": list(template.data) if manifest.kind == "server" else [],
            "secrets": names,
            "hosts": sorted(means.hosts()) if manifest.kind == "server" else [],
        }

    async def _check(self, one: Try, place: Path, bundle: Bundle) -> Seen:
        """Look at the built thing and try its scenarios; what of it is the gate's to judge."""
        from ..publishing.building import run_build

        means = self._means
        what = bundle.content if bundle.manifest["kind"] == "static" else means.template().published()
        one.step("check", "running", "Starting what was built")
        app = await means.run(place, what)
        try:
            if self._manifest(one.publisher).fixed:  # what is in the bundle runs below another path than this look's
                one.step("check", "running", "Building it for the look")
                await run_build(await app.sandbox(), means.template(), app.base_path, self._tell(one))
            server = await app.ensure()
            if server.state != "ready":
                for line in server.log.splitlines()[-50:]:
                    self._tell(one)(line)
                raise Conflict(
                    f"What was built does not run. {server.message}".rstrip(),
                    hint="The log says why. Ask for it to be fixed, or choose another version.",
                    reason="not_running",
                )
            seen = await self._look(one, app)
            await self._try_scenarios(one, app)
            return seen
        finally:
            await uncut(app.close())

    async def _look(self, one: Try, app: RunningApp) -> Seen:
        one.step("check", "running", "Looking at the page")
        try:
            report = await app.look_over()
        except Unavailable as error:
            one.step("check", "skipped", error.message)
            one.checks.append(_not_looked("Nobody looked at what was built", error))
            return Seen()
        axe = [finding for finding in report.findings if finding.get("axe")]
        for finding in report.findings:
            if finding in axe:
                continue
            one.checks.append(_check(f"The page: {finding['message']}", finding.get("source", "")))
        raised = _raised(app.server.log)
        one.checks += raised
        count = len(report.findings) + len(raised)
        said = f"{count} {'problem' if count == 1 else 'problems'} found" if count else "Nothing wrong was found"
        one.step("check", "failed" if count else "done", said)
        return Seen(report.hosts, axe)

    async def _try_scenarios(self, one: Try, app: RunningApp) -> None:
        from ..eyes.scenarios import scenarios_of, try_all

        listed = await scenarios_of(self._means.workspace, one.status["checkpoint"])
        if not listed or app.eye is None:
            one.step("scenarios", "skipped", "The app has none" if not listed else "")
            return
        done: list[Outcome] = []

        def on_outcome(outcome: Outcome) -> None:
            done.append(outcome)
            one.step("scenarios", "running", f"{len(done)} of {len(listed)} tried")

        one.step("scenarios", "running", f"0 of {len(listed)} tried")
        try:
            outcomes = await try_all(app.eye, listed, on_outcome, trying=app.trying)
        except Unavailable as error:
            one.step("scenarios", "skipped", error.message)
            one.checks.append(_not_looked("The scenarios were not tried", error))
            return
        failed = [outcome for outcome in outcomes if not outcome.ok]
        for outcome in failed:
            one.checks.append(
                _check(f"“{outcome.title}” does not work: {outcome.why}", f"scenarios/{outcome.name}.yaml")
            )
        said = f"{len(outcomes) - len(failed)} of {len(outcomes)} work"
        one.step("scenarios", "failed" if failed else "done", said)

    async def _gate(self, one: Try, place: Path, bundle: Bundle, seen: Seen) -> None:
        """Ask for a reason for each finding. Returns once all have one."""
        from ..publishing.gate import inspect

        means = self._means
        one.step("gate", "running", "Looking for what readers should not get")
        events = means.record.stored
        kept = [(dataset, path) for dataset, path in placed(events) if path]
        files = {one.name: file for one, path in kept if (file := place / "app" / path).is_file()}
        for output in self._manifest(one.publisher).output:  # the bundle has it: what is left are the app's own files
            await in_thread(remove_folder, place / "app" / output.rstrip("/"))
        release = Release(
            bundle,
            place / "app",
            bundle.manifest["template"],
            [dataset.name for dataset, _ in kept if dataset.private],
            files,
            means.workspace.folder / ".git" if one.publisher.history else None,
            await means.secrets.values(),
            seen.hosts,
            seen.axe,
        )
        one.findings = list(await inspect(release))
        while self._list_findings(one):
            count = len([finding for finding in one.status["findings"] if finding["accepted"] is None])
            one.step("gate", "running", f"{count} {'waits' if count == 1 else 'wait'} for your answer")
            one.say(state="waiting")
            one.answered.clear()
            await one.answered.wait()
            one.say(state="running")
        one.step("gate", "done", "")

    def _list_findings(self, one: Try) -> bool:
        """List what was found, with the reasons; whether some has none."""
        hard = self._means.hard()
        mask = self._means.secrets.mask
        shown: list[PublishingFinding] = []
        for finding in listed([*one.checks, *(_shown(finding) for finding in one.findings)], hard):
            is_hard = finding["kind"] in hard
            reason = None if is_hard else one.reasons.get(finding["id"])
            texts = {key: mask.text(str(finding[key])) for key in ("message", "excerpt", "hint")}
            shown.append(cast("PublishingFinding", {**finding, **texts, "hard": is_hard, "accepted": reason}))
        one.say(findings=shown)
        return any(finding["accepted"] is None for finding in shown)

    async def _hand_over(self, one: Try, bundle: Bundle) -> None:
        means = self._means
        one.step("hand_over", "running", f"Handing it to {one.publisher.title}")
        with means.shelf.taking(means.record.id, one.publisher.name, one.name):

            def begin() -> tuple[int, Bundle, Bundle | None]:
                shelf, target, name = means.shelf, one.publisher.name, one.name
                there = shelf.find(target, name)
                number = shelf.number(means.record.id, target, name, bundle.manifest["title"])
                now = there.entry(there.live) if there else None
                previous = shelf.bundle(target, name, now.number) if now and now.kept else None
                return number, shelf.place(target, name, number, bundle), previous

            number, laid, previous = await in_thread(begin)
            one.say(number=number)
            published = await one.publisher.publish(Order(laid, number, previous, one.settings), self._tell(one))
            await uncut(self._handed_over(one, laid, number, published.url, published.note, published.file))

    async def _handed_over(self, one: Try, bundle: Bundle, number: int, url: str, note: str, file: Path | None) -> None:
        from ..publishing.shelf import Entry

        means = self._means
        accepted: list[AcceptedFinding] = [
            {"id": it["id"], "kind": it["kind"], "message": it["message"], "reason": it["accepted"] or ""}
            for it in one.status["findings"]
        ]
        entry = Entry(
            number,
            one.status["checkpoint"],
            timestamp(),
            bundle.manifest["data_as_of"],
            url,
            note,
            str(file) if file else "",
            [cast("dict[str, str]", it) for it in accepted],
        )
        plain = {it.name for it in one.publisher.settings if not it.secret}
        settings = {name: value for name, value in one.settings.items() if name in plain}
        await in_thread(means.shelf.publish, one.publisher.name, one.name, entry, settings)
        await means.record.append(_published(one.publisher.name, one.name, entry))
        one.handed_over = True
        one.status = {**one.status, "url": url, "note": note, "file": file is not None}
        one.step("hand_over", "done", "")

    # What it is given

    async def _version(self, checkpoint: str) -> Checkpoint:
        """The version to publish: the one that is named, else the newest whose checks passed, else the newest."""
        versions = await self._means.workspace.checkpoints()
        if checkpoint:
            full = await self._means.workspace.version(checkpoint)
            return next(one for one in versions if one.id == full)
        passed = checked_versions(self._means.record.stored)
        chosen = next((one for one in versions if one.id in passed), versions[0] if versions else None)
        if chosen is None:
            raise Conflict("The app has no version yet.", hint="Ask for something first.", reason="no_version")
        return chosen

    @property
    def _name(self) -> str:
        """The name that it is published under unless told."""
        return name_from(self._means.record.summary.name, self._means.record.id)

    @property
    def _vault_folder(self) -> str:
        return f"{self._means.record.id}.publishing"

    async def _settings(
        self, publisher: Publisher, given: Mapping[str, str], there: Publication | None
    ) -> dict[str, str]:
        """All values that a target is given. New secrets are kept; what is left out is as it was."""
        means = self._means
        known = {one.name: one for one in publisher.settings}
        if unknown := sorted(given.keys() - known.keys()):
            raise InvalidInput(
                f"{publisher.title} has no setting {unknown[0][:60]!r}.",
                hint=f"It has: {', '.join(known)}." if known else "It has none.",
                field="settings",
            )
        secret = any(it.secret for it in known.values())
        kept = await in_thread(means.vault.values, self._vault_folder) if secret else {}
        values: dict[str, str] = {}
        for name, setting in known.items():
            place = _vault_name(publisher.name, name)
            value = given.get(name, "").strip()
            if setting.secret:
                if value:
                    await in_thread(means.vault.set, self._vault_folder, place, value)
                value = value or kept.get(place, "")
                means.secrets.mask.learn([value] if value else [])
            elif name not in given:
                value = (there.settings.get(name, "") if there else "") or setting.default
            if value and setting.choices and value not in setting.choices:
                raise InvalidInput(
                    f"{setting.title}: {value[:60]!r} is no choice.",
                    hint=f"Choose one of: {', '.join(setting.choices)}.",
                    field="settings",
                )
            if not value and setting.required:
                raise InvalidInput(f"{setting.title} is missing.", hint=setting.help, field="settings")
            values[name] = value
        return values


def _takes_not(publisher: Publisher, template: str, kind: BundleKind) -> str:
    """Why a target takes no app of a template; "" if it does."""
    if kind not in publisher.kinds:
        return f"{publisher.title} takes pages alone, and this app has a server of its own, which has to run."
    return publisher.refusal(template, kind) if isinstance(publisher, Selective) else ""


def _begun(target: str, name: str, checkpoint: str, steps: Sequence[Step]) -> PublishingStatus:
    return {
        "publish": random.token_hex(4),
        "target": target,
        "name": name,
        "checkpoint": checkpoint,
        "number": None,
        "state": "running",
        "steps": [{"step": step, "state": "waiting", "message": ""} for step in steps],
        "findings": [],
        "log": "",
        "message": "",
        "hint": "",
        "url": "",
        "note": "",
        "file": False,
    }


def checked_versions(events: Sequence[Event]) -> list[str]:
    """The versions whose files a check of the app passed, the oldest first."""
    passed: list[str] = []
    trees: dict[str, bool] = {}  # what a check said of them
    said: bool | None = None  # of the files as they are
    for event in events:
        match event.type:
            case "tool.finished" if event.data["tool"] == CHECK:
                said = event.data["ok"]
            case "file.changed" | "session.restored":
                said = None
            case "checkpoint.created":
                tree = event.data["tree"]
                if said is not None:
                    trees[tree] = said
                if trees.get(tree):
                    passed.append(event.data["checkpoint"])
            case _:
                pass
    return passed


def reasons_in(events: Sequence[Event]) -> dict[str, str]:
    """Why findings were published anyway before, by their ids; a fork's person says it anew."""
    reasons: dict[str, str] = {}
    for event in events:
        if event.type == "session.forked":
            reasons.clear()
        elif event.type == "app.published":
            reasons |= {one["id"]: one["reason"] for one in event.data["accepted"]}
    return reasons


def checked_reasons(given: Mapping[str, str]) -> dict[str, str]:
    """Reasons without the blanks around them. Raises ``InvalidInput`` for one that says nothing, or is too long."""
    reasons = {id: " ".join(reason.split()) for id, reason in given.items()}
    for reason in reasons.values():
        if len(reason) < 3 or len(reason) > LONGEST_REASON:
            raise InvalidInput(
                "A reason is missing." if len(reason) < 3 else f"A reason has more than {LONGEST_REASON} characters.",
                hint="Say in a sentence why it may be published.",
                field="accepted",
            )
    return reasons


def data_as_of(events: Sequence[Event]) -> str | None:
    """The oldest time at which a dataset of the app was handed over."""
    return min((dataset.as_of for dataset, _ in placed(events)), default=None)


def name_from(text: str, session: str) -> str:
    """A name for a publication, from the app's own; from its session's where that has no letter that a name takes."""
    plain = "".join(
        char for char in unicodedata.normalize("NFKD", text.casefold()) if unicodedata.category(char) != "Mn"
    )
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:42].strip("-")
    return name or f"app-{re.sub('[^a-z0-9]+', '', session.lower())[-6:]}".strip("-")


def _published(target: str, name: str, entry: Entry) -> Draft:
    told = {"number": entry.number, "checkpoint": entry.checkpoint, "url": entry.url, "note": entry.note}
    told |= {"data_as_of": entry.data_as_of, "accepted": [dict(one) for one in entry.accepted]}
    return Draft("app.published", {"target": target, "name": name, **told})


def _vault_name(target: str, setting: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", f"{target}_{setting}".upper())


def _ended(steps: Sequence[PublishingStep], state: str) -> list[PublishingStep]:
    """With what was under way in its last state; what a step that was given up was at is no news then."""
    change = {"state": state, "message": ""} if state == "skipped" else {"state": state}
    return [cast("PublishingStep", {**one, **change}) if one["state"] == "running" else one for one in steps]


def _finding(kind: str, message: str, path: str, **more: Any) -> PublishingFinding:
    # A built script has another name with each build, and each fault of a page is told once.
    known = f"{message} {path}" if more.get("where") == "app" else message
    id = f"{kind}:{hashlib.sha256(known.encode()).hexdigest()[:16]}"
    whole = {
        "id": id,
        "kind": kind,
        "severity": "medium",
        "message": message,
        "path": path,
        "line": None,
        "where": "app",
        "excerpt": "",
        "count": None,
        "hint": "",
        "fixable": True,
        "hard": False,
        "accepted": None,
    }
    return cast("PublishingFinding", whole | more)


def listed(found: Sequence[PublishingFinding], hard: Sequence[str]) -> list[PublishingFinding]:
    """What is shown and needs a reason. Nothing that was found goes out unsaid: of too many, the last stands for those
    that are not shown, and a reason for it is one for just these."""
    if len(found) <= MOST_FINDINGS:
        return list(found)
    worst = sorted(found, key=lambda one: (one["kind"] not in hard, SEVERITIES.index(one["severity"])))
    shown, left = worst[: MOST_FINDINGS - 1], worst[MOST_FINDINGS - 1 :]
    ids = " ".join(sorted(one["id"] for one in left))
    rest = _finding(
        "not_looked_at",
        f"There are {len(left):,} more findings than are shown.",
        "",
        id=f"more:{hashlib.sha256(ids.encode()).hexdigest()[:16]}",
        severity=left[0]["severity"],
        count=len(left),
        hint="Mend those that are shown, and publish again.",
        fixable=False,
        where="bundle",
    )
    return [*shown, rest]


def _check(message: str, source: str) -> PublishingFinding:
    path, _, rest = source.partition(":")
    line = rest.partition(":")[0]
    where = "app" if path.startswith("scenarios/") else "page"
    return _finding(
        "check",
        message[:2000],
        path[:500],
        line=int(line) if line.isascii() and line.isdigit() and len(line) < 9 else None,
        where=where,
        hint="Ask for it to be fixed.",
    )


def _raised(log: str) -> list[PublishingFinding]:
    """What a server in Python raised while its pages were looked at, which they tell no reader of."""
    found: dict[str, PublishingFinding] = {}
    for match in TRACEBACK.finditer(log):
        places = [one for one in PLACE.finditer(match["frames"]) if "site-packages/" not in one["path"]]
        if not places:  # what a library told of itself
            continue
        message, path, line = f"The server: {match['error'][:500]}", places[-1]["path"], int(places[-1]["line"])
        finding = _finding("check", message, path, line=line, where="app", hint="Ask for it to be fixed.")
        found.setdefault(finding["id"], finding)
    return list(found.values())[:MOST_RAISED]


def _not_looked(what: str, error: AppBuilderError) -> PublishingFinding:
    return _finding("not_looked_at", f"{what}. {error.message}", "", hint=error.hint, fixable=False, where="page")


def _shown(finding: GateFinding) -> PublishingFinding:
    return {
        "id": finding.id,
        "kind": finding.kind,
        "severity": finding.severity,
        "message": finding.message,
        "path": finding.path,
        "line": finding.line,
        "where": finding.where,
        "excerpt": finding.excerpt,
        "count": finding.count,
        "hint": finding.hint,
        "fixable": finding.fixable,
        "hard": False,
        "accepted": None,
    }
