"""What a server asks of the JupyterHub's service about who looks at sessions: who came, and apps that go from one
person's server to another's. Servers talk to the service alone, each with its own token."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlencode

from ..errors import AppBuilderError, NotFound, Unavailable

LARGEST = 16 * 1024 * 1024
"""Bytes of an app that goes to somebody else."""
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Handed:
    """An app that somebody sent. ``by``: who, as the Hub says."""

    by: str
    pack: bytes


class LookService:
    """At ``url`` ("http://…/services/appbuilder"), asked with this server's own ``token``. Every method raises
    ``Unavailable`` where it does not answer, and never tells the token."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/").removesuffix("/v1")
        self._token = token

    async def viewer(self, code: str) -> tuple[str, frozenset[str]]:
        """Who came here with ``code``, and their groups. Raises ``NotFound`` for one that is used or old."""
        told = json.loads((await self._ask("POST", "api/looks/viewers", json.dumps({"code": code}).encode()))[0])
        return str(told["name"]), frozenset(map(str, told["groups"]))

    async def hand_over(self, to: str, pack: bytes) -> str:
        """Let somebody fetch this; the name under which they find it."""
        told, _ = await self._ask("POST", f"api/looks/copies?{urlencode({'to': to})}", pack)
        return str(json.loads(told)["copy"])

    async def handed(self, copy: str) -> Handed:
        """What was sent to whose server this is. Raises ``NotFound``."""
        pack, by = await self._ask("GET", f"api/looks/copies/{quote(copy, safe='')}")
        return Handed(by, pack)

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[bytes, str]:
        from tornado.simple_httpclient import SimpleAsyncHTTPClient

        client: Any = SimpleAsyncHTTPClient(force_instance=True, max_body_size=LARGEST + 1024, max_buffer_size=2**25)
        try:
            answer = await client.fetch(
                f"{self._url}/{path}",
                method=method,
                headers={"Authorization": f"token {self._token}", "Content-Type": "application/octet-stream"},
                body=body,
                request_timeout=SECONDS,
                follow_redirects=False,
                raise_error=False,
            )
        except Exception as error:  # of many kinds; none may tell the token
            raise _silent(type(error).__name__) from None
        finally:
            client.close()
        if answer.code == 404:
            raise NotFound("It is not there any more.", hint="Open the link once more.", reason="look_ended")
        if answer.code == 413:
            raise AppBuilderError("The Hub's service takes no app of this size.", reason="too_large")
        if answer.code != 200:
            raise _silent(str(answer.code))
        return answer.body, unquote(str(answer.headers.get("X-From", "")))


def _silent(why: str) -> Unavailable:
    return Unavailable(
        f"The Hub's service does not answer ({why}).", hint="Try again in a moment.", reason="hub_service"
    )
