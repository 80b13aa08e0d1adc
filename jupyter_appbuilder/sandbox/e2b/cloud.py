"""Access to E2B: its SDK, imported at first use, and its errors translated for people."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from operator import attrgetter
from typing import Any, TypeVar

from ...errors import AppBuilderError, Unavailable
from ..cloud.base import SESSION, Gone

T = TypeVar("T")

EXTRA_HINT = "Install it: pip install 'jupyter-appbuilder[e2b]'"
KEY_HINT = (
    "Set E2B_API_KEY in the environment of the Jupyter server (or c.E2BSandbox.api_key) to a key of your E2B team."
)


async def apart(call: Coroutine[Any, Any, T]) -> T:
    """Await a ``call`` of the SDK in a task of its own, as every one of them must be.

    On Python 3.11 a task that is cancelled while the SDK's answer arrives may go on as if it had not been (so did 2
    of 600 uploads and 132 of 600 other requests in a trial); whoever awaits this is cancelled in any case. And from
    Python 3.12 on, a stream that the SDK opens with a time limit cancels, when that has passed, the task that opened
    it, whatever it does by then. No task of ours lives that long.
    """
    task = asyncio.create_task(call)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        raise
    return task.result()


@dataclass(frozen=True, slots=True)
class Settings:
    """E2B's address and our key. ``api_key`` is left out of every text made from this."""

    api_key: str = field(repr=False)
    api_url: str = ""
    sandbox_url: str = ""  # one address for all sandboxes: self-hosted, or a test's loopback
    domain: str = ""
    request_timeout: float = 60.0

    def options(self) -> dict[str, Any]:
        """Arguments of the SDK's calls."""
        given = {"api_key": self.api_key, "api_url": self.api_url, "sandbox_url": self.sandbox_url}
        given |= {"domain": self.domain}
        return {name: value for name, value in given.items() if value} | {"request_timeout": self.request_timeout}


async def load_sdk() -> Any:
    """The SDK's module: importing it takes most of a second. Raises ``Unavailable`` where it is not installed."""
    name, module = "", None
    try:
        for name in ("watchfiles", "e2b"):
            module = await asyncio.to_thread(import_module, name)
        return module
    except ImportError:
        raise Unavailable(
            f"Sandbox 'e2b' needs the package {name}, which is not installed.", hint=EXTRA_HINT, reason="e2b_missing"
        ) from None


def find_key(trait: str) -> str:
    """The key: the trait's, else the environment's. Raises ``Unavailable`` saying how to set it."""
    if key := trait or os.environ.get("E2B_API_KEY", ""):
        return key
    raise Unavailable("Sandbox 'e2b' needs an API key, and none is set.", hint=KEY_HINT, reason="e2b_no_key")


class E2B:
    """E2B's SDK with our settings. Every method raises ``Unavailable`` with the next step, or ``Gone``."""

    def __init__(self, sdk: Any, settings: Settings) -> None:
        self.sdk = sdk
        self.settings = settings

    async def create(
        self,
        template: str,
        *,
        timeout: int,
        metadata: Mapping[str, str],
        environment: Mapping[str, str],
        public: bool,
        hosts: Collection[str] | None,
    ) -> Any:
        """A new sandbox. ``hosts``: see ``reachable``. Raises ``NoTemplate`` when E2B does not have the template."""
        try:
            return await apart(
                self.sdk.AsyncSandbox.create(
                    template,
                    timeout=timeout,
                    metadata=dict(metadata),
                    envs=dict(environment),
                    # Dev servers refuse hosts they do not know, and hot updates break with them.
                    network={
                        "allow_public_traffic": public,
                        "mask_request_host": "localhost:${PORT}",
                        **reachable(hosts),
                    },
                    # Its own end is a pause: what runs there goes on when it is asked for again.
                    lifecycle={"on_timeout": "pause", "auto_resume": True},
                    **self.settings.options(),
                )
            )
        except Exception as error:
            if getattr(error, "status_code", None) in (400, 403, 404) and "template" in str(error).lower():
                raise NoTemplate(template) from None
            raise self.explain(error, "A cloud sandbox could not be made") from None

    async def find(self, session: str) -> str | None:
        """The id of the session's sandbox, running or paused, the newest if there are several."""
        try:
            query = self.sdk.SandboxQuery(metadata={SESSION: session})
            found = await apart(self.sdk.AsyncSandbox.list(query=query, **self.settings.options()).next_items())
        except Exception as error:
            raise self.explain(error, "E2B could not be asked for the session's sandbox") from None
        newest: Any = max(found, key=attrgetter("started_at"), default=None)
        return str(newest.sandbox_id) if newest else None

    async def connect(self, sandbox_id: str, timeout: int) -> Any:
        """A running sandbox, resumed if it was paused. Raises ``Gone``."""
        try:
            options = self.settings.options()
            return await apart(self.sdk.AsyncSandbox.connect(sandbox_id, timeout=timeout, **options))
        except Exception as error:
            raise self.explain(error, "The cloud sandbox could not be resumed") from None

    async def has_template(self, name: str) -> bool:
        try:
            return bool(await apart(self.sdk.AsyncTemplate.exists(name, **self.settings.options())))
        except Exception as error:
            raise self.explain(error, "E2B could not be asked for a template") from None

    async def running(self) -> int:
        """The number of running sandboxes of this key (at most 100 are counted). Raises ``Unavailable``."""
        try:
            query = self.sdk.SandboxQuery(state=[self.sdk.SandboxState.RUNNING])
            pages = self.sdk.AsyncSandbox.list(query=query, **self.settings.options())
            return len(await apart(pages.next_items()))
        except Exception as error:
            raise self.explain(error, "E2B does not answer") from None

    def explain(self, error: BaseException, what: str) -> Exception:
        """``error`` as ``Gone``, or as ``Unavailable`` with the next step. Never names the key."""
        sdk = self.sdk
        if isinstance(error, (AppBuilderError, Gone)):
            return error
        told = str(error).replace(self.settings.api_key, "…").strip().partition("\n")[0][:300].rstrip(".")
        gone = (sdk.SandboxNotFoundException, sdk.SandboxNotRunningException)
        if isinstance(error, gone):
            return Gone(told)
        if isinstance(error, sdk.AuthenticationException):
            return Unavailable(f"{what}: E2B does not accept the API key.", hint=KEY_HINT, reason="e2b_key_refused")
        if isinstance(error, sdk.RateLimitException) and "concurrent" in told:
            return Unavailable(
                f"{what}: {told}.",
                hint="Stop a session you do not need (jupyter appbuilder list), wait until idle ones sleep, or ask for "
                "a larger plan. c.E2BSandbox.max_concurrent keeps this server below your plan's number.",
                reason="e2b_quota",
            )
        if isinstance(error, sdk.RateLimitException):
            return Unavailable(
                f"{what}: E2B's rate limit was reached ({told}).",
                hint="Wait a few seconds and try again; larger plans may start more sandboxes a second.",
                reason="e2b_rate_limited",
            )
        if isinstance(error, sdk.NotEnoughSpaceException):
            return Unavailable(
                f"{what}: the cloud sandbox's disk is full.",
                hint="Delete what the app does not need, or build its template with more disk.",
                reason="e2b_disk_full",
            )
        if isinstance(error, sdk.ServiceBusyException) or (getattr(error, "status_code", None) or 0) >= 500:
            return Unavailable(
                f"{what}: E2B is busy or down ({told}).",
                hint="Try again in a minute; https://status.e2b.dev tells more. Nothing is lost: the files are here.",
                reason="e2b_busy",
            )
        return Unavailable(
            f"{what}: {told or type(error).__name__}.",
            hint="Check the network between here and E2B, and try again. Nothing is lost: the files are here.",
            reason="e2b_unreachable",
        )


def reachable(hosts: Collection[str] | None) -> dict[str, list[str]]:
    """E2B's rules for a sandbox that may reach ``hosts`` (``host:port``) and no others; None: the whole internet."""
    if hosts is None:
        return {}
    names = sorted({host.rpartition(":")[0] or host for host in hosts})
    return {"deny_out": ["0.0.0.0/0"], **({"allow_out": names} if names else {})}


class NoTemplate(Exception):
    """E2B has no template of this name."""
