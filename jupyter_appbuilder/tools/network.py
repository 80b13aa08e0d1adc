"""``request_network``: asks the person for access to a host, and detects that it is missing."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field

from ..sandbox.network.hosts import parse_host, shown
from .base import Arguments, Network, Tool, ToolContext, ToolResult, tool

# What programs say when there is no network: Node, curl, Python, and libraries that quote one of them.
UNRESOLVED = re.compile(
    r"(?:getaddrinfo (?:ENOTFOUND|EAI_AGAIN) "
    r"|[Cc]ould not resolve (?:host|proxy): "
    r"|(?:Failed|Unable) to resolve '"
    r"|NameResolutionError\([^)]*host='"
    r"|unable to resolve host address [‘'\"])"
    r"([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"
)


class RequestNetwork(Arguments):
    host: str = Field(
        min_length=1, max_length=300, description="api.example.org, *.example.org, or with a port: api.example.org:8443"
    )
    reason: str = Field(
        min_length=1, max_length=1000, description="What the app needs it for, in one sentence for the person."
    )


@tool(effect="read", acts=True, asks=True, verb=("Asking for", "Asked for"), icon="globe")
async def request_network(context: ToolContext, arguments: RequestNetwork) -> ToolResult:
    """Ask the person to let the app's own code (its server, scripts and commands) reach a host on the Internet. There
    is no network without it. Waits for the answer. Name one exact host; ask only for what the app cannot do without.
    Pages in the browser and install_packages do not need it."""
    host = parse_host(arguments.host)
    name = shown(host)
    network = context.service(Network, None)
    if network is None:
        return ToolResult(
            "This session's sandbox cannot be given network access.", "No network here", ok=False, detail={"host": host}
        )
    if network.allowed(host):
        return ToolResult(f"{name} can be reached already.", f"{name} is allowed", detail={"host": host})
    answer = await context.ask(
        f"May this app reach {name}?",
        kind="network",
        subject=host,
        reason=arguments.reason.strip(),
        remember=True,
    )
    detail: dict[str, Any] = {"host": host, "granted": answer.granted, "remember": answer.remember}
    if not answer.granted:
        if answer.cause == "unattended":
            text = (
                f"Nobody could be asked whether the app may reach {name}, so it may not. Go on without it. The person "
                f"can allow it beforehand: --allow-host {name} on the command line, app.allow({name!r}) in a notebook, "
                "or Network in the panel's menu."
            )
        else:
            text = f"The person does not allow {name}. Do not ask again; find a way without it, or say what is missing."
        return ToolResult(text, f"{name} was not allowed", ok=False, detail=detail)
    once = context.turn is not None and not answer.remember
    await network.allow(host, by="person", turn=context.turn if once else None)
    text = (
        f"Allowed{' until this turn ends' if once else ''}: code in the sandbox reaches {name} now, through the proxy "
        "in HTTP_PROXY and HTTPS_PROXY. Node's fetch and https, Python's requests, httpx and urllib, and curl use it "
        "by themselves; other clients have to be given it. There is no DNS inside."
    )
    return ToolResult(text, f"{name} is allowed", detail=detail)


def unreached(context: ToolContext, since: float, output: str) -> str:
    """A note for the agent about blocked hosts; "" if there were none."""
    network = context.service(Network, None)
    refused = network.refused(since) if network else ()
    hosts = [*refused, *(found.lower() for found in UNRESOLVED.findall(output))]
    names = [name for name in dict.fromkeys(map(shown, hosts)) if not (network and _listed(network, name))]
    if not names:
        return ""
    calls = " or ".join(f'request_network("{name}", reason)' for name in names[:3])
    return (
        f"[network] The app tried to reach {', '.join(names[:10])}, which it may not. If it has to, ask with {calls}."
    )


def _listed(network: Network, name: str) -> bool:
    return network.allowed(name if ":" in name else f"{name}:443")


NETWORK_TOOLS: list[Tool[Any]] = [request_network]
