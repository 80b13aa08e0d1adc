"""Posit Connect, by their own client library (an extra): for the people that the maker names unless somebody says
otherwise.

Connect runs an app by its kind of content, one for each template: it installs the packages, and takes the path of the
content off each request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from ...cancellation import in_thread
from ...errors import InvalidInput
from ..base import Bundle, BundleKind, Order, Published, Setting, Tell
from .clients import address, ask, missing, sent_alone
from .container import run_by
from .site import Site, files_of, from_the_root, said_from_the_root, site_of

ENTRY = "connect.mjs"
START = """\
// Posit Connect starts the app by this file, and says where to listen.
process.argv.splice(2, Infinity, process.env.PORT ?? '8000', '/', '--built');
await import('./server/serve.mjs');
"""
LARGEST_LOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Content:
    """How Connect runs the apps of a template: ``mode`` as their manifest names it, the oldest version of what runs it,
    and the oldest Connect that knows the mode. ``texts``: files that it is started by."""

    mode: str
    entry: str
    runtime: Literal["python", "node"]
    oldest: str
    connect: str = ""
    texts: Mapping[str, str] = field(default_factory=dict[str, str])


CONTENT: Mapping[str, Content] = {
    "fastapi-react": Content("python-fastapi", "serve:app", "python", "3.11"),
    "streamlit": Content("python-streamlit", "app.py", "python", "3.11"),
    "panel": Content("python-panel", "app.py", "python", "3.11", "2025.10.0"),
    "serverless": Content("nodejs", ENTRY, "node", "24.4", texts={ENTRY: START}),
}
"""Of apps that have to run, by template."""

WHO = {
    "acl": "Only who was named at Connect can open it: add them there, at Access.",
    "logged_in": "Everybody with an account at Connect can open it.",
    "all": "Everybody who reaches Connect can open it, without an account.",
}


class PositPublisher:
    name: ClassVar[str] = "posit"
    title: ClassVar[str] = "Posit Connect"
    kinds: ClassVar[Sequence[BundleKind]] = ("static", "server")
    settings: ClassVar[Sequence[Setting]] = (
        Setting("server", "Server", help="https://connect.example.org"),
        Setting("key", "API key", help="Made at Connect: your name > Manage Your API Keys.", secret=True),
        Setting(
            "access",
            "Who may open it",
            help="acl: who is named at Connect. logged_in: everybody with an account. all: everybody.",
            choices=tuple(WHO),
            default="acl",
            required=False,
        ),
    )
    history: ClassVar[bool] = False
    keeps: ClassVar[bool] = False

    def unavailable(self) -> str:
        return missing("rsconnect", "connect")

    def refusal(self, template: str, kind: BundleKind) -> str:
        if kind == "static" or template in CONTENT:
            return ""
        if template == "nextjs":
            return (
                "Connect shows an app below a path that is known only once it is there, and Next.js is built for one."
            )
        return f"Connect runs apps of these templates, and sites: {', '.join(CONTENT)}."

    async def preflight(self, name: str, template: str, settings: Mapping[str, str], tell: Tell) -> None:
        request = _request(name, settings) | {"do": "look"} | _runtime(template)
        await ask("posit_client", request, sent_alone(settings.get("key", ""), "key"), tell, "Asking Posit Connect")

    async def publish(self, order: Order, tell: Tell) -> Published:
        bundle = order.bundle
        runs = bundle.manifest["kind"] == "server"
        site = await (in_thread(files_of, bundle.content) if runs else in_thread(site_of, bundle))
        warning = "" if runs else said_from_the_root(await in_thread(from_the_root, site))
        access = order.settings.get("access", "").strip() or "acl"
        if access not in WHO:
            raise InvalidInput(f"{access[:50]!r} is not one of {', '.join(WHO)}.", field="access")
        request = _request(bundle.manifest["name"], order.settings) | {
            "do": "publish",
            "folder": str(site.folder),
            "files": [file.path for file in site.files],
            "texts": await in_thread(_texts, bundle, site) if runs else {},
            "title": bundle.manifest["title"],
            "number": order.number,
            "access": access,
        }
        request |= _runtime(bundle.manifest["template"] if runs else "")
        secret = sent_alone(order.settings.get("key", ""), "key")
        done = await ask("posit_client", request, secret, tell, "Publishing to Posit Connect")
        notes = [WHO[access], warning, *(_notes(bundle) if runs else [])]
        return Published(url=str(done["url"]), note=" ".join(filter(None, notes)))

    async def unpublish(self, name: str, settings: Mapping[str, str], tell: Tell) -> None:
        secret = sent_alone(settings.get("key", ""), "key")
        request = _request(name, settings) | {"do": "unpublish"}
        await ask("posit_client", request, secret, tell, "Deleting the content")


def _runtime(template: str) -> dict[str, Any]:
    """How the app is run, as the client is told it; a site has none."""
    found = CONTENT.get(template)
    if found is None:
        return {"mode": "static", "entry": "index.html", "runtime": "", "oldest": "", "connect": ""}
    return {name: getattr(found, name) for name in ("mode", "entry", "runtime", "oldest", "connect")}


def _texts(bundle: Bundle, site: Site) -> dict[str, str]:
    """Files that Connect needs besides the app's own, or in their place. Blocks."""
    content = CONTENT[bundle.manifest["template"]]
    texts = {path: text for path, text in run_by(bundle).items() if not site.has(path)} | dict(content.texts)
    if content.runtime == "python":
        texts["requirements.txt"] = _requirements(site)
    elif not site.has("package-lock.json"):
        raise InvalidInput(
            "The app has no package-lock.json, by which Connect installs its packages.",
            hint="Install a package, which writes it, or publish another version.",
            reason="no_lock",
        )
    return texts


def _requirements(site: Site) -> str:
    """The exact versions that the app was tried with. Without their checksums: pip asks then for those of what Connect
    itself adds, too."""
    name = next((name for name in ("requirements.lock", "requirements.txt") if site.has(name)), "")
    text = site.read(name, LARGEST_LOCK).decode(errors="replace") if name else ""
    lines = re.sub(r"\\\r?\n", " ", text).splitlines()
    plain = [re.sub(r"\s+--hash=\S+", "", line).strip() for line in lines]
    return "".join(f"{line}\n" for line in plain if line and not line.startswith("#"))


def _notes(bundle: Bundle) -> list[str]:
    """What is left to be done at Connect, and to be known, of an app that runs."""
    manifest, notes = bundle.manifest, list[str]()
    if names := manifest["secrets"]:
        notes.append(f"Set what its functions read at Connect, at Vars: {', '.join(names)}.")
    if folders := manifest["data"]:
        notes.append(f"What it stores ({', '.join(folders)}) begins anew with each release at Connect.")
    return notes


def _request(name: str, settings: Mapping[str, str]) -> dict[str, object]:
    server = address(settings.get("server", ""), "server", "https://connect.example.org")
    # Their names have three characters at least.
    return {"name": name if len(name) > 2 else f"app-{name}", "server": server}
