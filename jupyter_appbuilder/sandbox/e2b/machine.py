"""One running sandbox at E2B."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shlex
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from ...cancellation import uncut
from ...errors import Unavailable
from ..base import Address
from ..cloud.base import Gone
from ..cloud.machine import FOLDER, HELPER_SECONDS, Machine, Running, Take
from ..cloud.sync import HELPER
from .cloud import E2B, apart, reachable


class E2BMachine(Machine):
    """``sandbox`` is the SDK's."""

    def __init__(self, cloud: E2B, sandbox: Any) -> None:
        super().__init__()
        self._cloud = cloud
        self.sandbox = sandbox

    @property
    def id(self) -> str:
        return str(self.sandbox.sandbox_id)

    def explain(self, error: BaseException, what: str) -> Exception:
        explained = self._cloud.explain(error, what)
        if isinstance(explained, Gone):
            self.gone = True
        return explained

    # Files and small commands

    async def helper(self, command: str, *, user: str | None = None) -> str:
        sdk = self._cloud.sdk
        try:
            async with asyncio.timeout(HELPER_SECONDS):
                result = await apart(self.sandbox.commands.run(command, timeout=0, user=user))
            return str(result.stdout)
        except sdk.CommandExitException as error:
            told = str(error.stderr).strip().rpartition("\n")[2][:300]
            missing = "python3" in told and "not found" in told
            raise Unavailable(
                f"The helper in the cloud sandbox failed: {told or error}.",
                hint="Its template needs Python 3: build it with jupyter appbuilder templates build."
                if missing
                else "Restart the preview: a new sandbox is made from the workspace.",
                reason="cloud_helper_failed",
            ) from None
        except Exception as error:
            raise self.explain(error, "The cloud sandbox does not answer") from None

    async def upload(self, path: str, content: bytes) -> None:
        try:
            await apart(
                self.sandbox.files.write(f"{self.home}/{path}", content, use_octet_stream=True, request_timeout=600)
            )
        except Exception as error:
            raise self.explain(error, "Files could not be sent to the cloud sandbox") from None

    async def download(self, path: str) -> AsyncGenerator[bytes]:
        try:
            pieces = aiter(await apart(self.sandbox.files.read(f"{self.home}/{path}", format="stream")))

            async def next_piece() -> bytes | None:
                return await anext(pieces, None)

            while (piece := await apart(next_piece())) is not None:
                yield piece
        except Exception as error:
            raise self.explain(error, "Files could not be fetched from the cloud sandbox") from None

    async def install_helpers(self) -> str:
        # Absolute paths: a template may begin in any folder.
        told = await self.helper(
            f"cd; pwd; test -w {FOLDER} && echo yes || echo no; cat .appbuilder/packages 2>/dev/null || true"
        )
        self.home, writable, installed = (told + "\n\n\n").split("\n", 2)
        helpers = await self.helpers()
        files = [{"path": f"{self.home}/.appbuilder/{name}", "data": data} for name, data in helpers.items()]
        try:
            await apart(self.sandbox.files.write_files(files))
        except Exception as error:
            raise self.explain(error, "The cloud sandbox could not be set up") from None
        if writable != "yes":
            home = shlex.quote(self.home)
            await self.helper(f'mkdir -p {FOLDER} && chown "$(stat -c %u:%g {home})" {FOLDER}', user="root")
        return installed.strip()

    def address(self, port: int, inner: int, public: bool) -> Address:
        host = str(self.sandbox.get_host(port))
        token = self.sandbox.traffic_access_token
        headers = {"e2b-traffic-access-token": str(token)} if token and not public else {}
        if url := self._cloud.settings.sandbox_url:
            headers |= {"Host": host, "E2b-Sandbox-Id": self.id, "E2b-Sandbox-Port": str(port)}
            return Address(url=url.rstrip("/"), headers=headers)
        return Address(url=f"https://{host}", headers=headers)

    def public_host(self, port: int) -> str:
        return str(self.sandbox.get_host(port))

    # Its life

    async def pause(self) -> None:
        try:
            await apart(self.sandbox.pause())
        except Exception as error:
            raise self.explain(error, "The cloud sandbox could not be paused") from None

    async def set_timeout(self, seconds: int) -> None:
        try:
            await apart(self.sandbox.set_timeout(seconds))
        except Exception as error:
            raise self.explain(error, "The cloud sandbox's time could not be extended") from None

    async def kill(self) -> None:
        with contextlib.suppress(Exception):
            await apart(self.sandbox.kill(request_timeout=20))

    async def limit_network(self, hosts: Collection[str] | None) -> None:
        try:
            await apart(self.sandbox.update_network(reachable(hosts)))
        except Exception as error:
            raise self.explain(error, "The cloud sandbox's network could not be set") from None

    # Commands

    async def start(
        self,
        argv: Sequence[str],
        take: Take,
        *,
        folder: str = FOLDER,
        environment: Mapping[str, str] | None = None,
        seconds: float = 0,
        ports: tuple[int, int] | None = None,
    ) -> Running:
        token = secrets.token_hex(8)
        how = f"serve {token} {ports[0]} {ports[1]}" if ports else f"run {token} {seconds:g}"
        line = f"exec {HELPER} {how} {shlex.quote(folder)} -- {shlex.join(argv)}"
        running = Running(self, token, take)
        try:
            handle = await apart(
                self.sandbox.commands.run(
                    line,
                    background=True,
                    timeout=0,
                    envs=dict(environment or {}),
                    on_stdout=partial(take, "stdout"),
                    on_stderr=partial(take, "stderr"),
                    retain_output=False,
                )
            )
        except asyncio.CancelledError:
            await uncut(self._never_mind(token))
            raise
        except Exception as error:
            raise self.explain(error, "The command could not be started in the cloud sandbox") from None
        running.follow(handle)
        return running

    async def attach(self, pid: int, take: Take) -> Any:
        return await apart(
            self.sandbox.commands.connect(
                pid,
                timeout=0,
                on_stdout=partial(take, "stdout"),
                on_stderr=partial(take, "stderr"),
                retain_output=False,
            )
        )

    def exited(self, error: BaseException) -> int | None:
        return int(getattr(error, "exit_code", 1)) if isinstance(error, self._cloud.sdk.CommandExitException) else None

    def unknown_process(self, error: BaseException) -> bool:
        sdk = self._cloud.sdk
        return isinstance(error, sdk.NotFoundException) and not isinstance(error, sdk.SandboxNotFoundException)
