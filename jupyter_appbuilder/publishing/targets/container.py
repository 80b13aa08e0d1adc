"""A container: the files with which a release is built and run anywhere, as a folder or a ZIP archive.

Nothing is built here, and no registry is asked. What is handed over are the app's files, a Containerfile, a compose
file and what they need.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from ...cancellation import in_thread
from ...errors import AppBuilderError, Conflict, InvalidInput, of_the_disk
from ...templates.templates import find_template
from ..base import APP, SITE, Bundle, BundleKind, Order, Published, Setting, Tell
from .container_recipes import PORT, RECIPES, STATIC, USER, Recipe, compose, containerfile
from .folder import check_place, in_stopped_thread, on_loop, unpublish, write
from .site import Site, files_of

SERVER = Path(__file__).with_name("container_server.mjs")
IGNORED = ("**/node_modules", "**/__pycache__", "**/.env", "**/*.log", ".git", "*.zip", "README.md", "compose.yaml")


class ContainerPublisher:
    name: ClassVar[str] = "container"
    title: ClassVar[str] = "A container"
    kinds: ClassVar[Sequence[BundleKind]] = ("static", "server")
    settings: ClassVar[Sequence[Setting]] = (
        Setting(
            "path",
            "Folder",
            help="A folder on this machine, as a whole path (~/containers/app); one that ends in .zip is made an "
            "archive. Leave it empty for an archive to download.",
            required=False,
        ),
        Setting(
            "base",
            "Path of its address",
            help="Where it is reached below its host: / or /tools/app/.",
            required=False,
            default="/",
        ),
    )
    history: ClassVar[bool] = False
    keeps: ClassVar[bool] = False

    def unavailable(self) -> str:
        return ""

    def refusal(self, template: str, kind: BundleKind) -> str:
        return "" if kind == "static" or template in RECIPES else no_recipe(template).message

    async def preflight(self, name: str, template: str, settings: Mapping[str, str], tell: Tell) -> None:
        checked_base(settings.get("base", ""))
        await in_thread(check_place, name, settings)

    async def publish(self, order: Order, tell: Tell) -> Published:
        return await in_stopped_thread(_publish, order, tell)

    async def unpublish(self, name: str, settings: Mapping[str, str], tell: Tell) -> None:
        await in_thread(unpublish, name, settings, on_loop(tell))


def recipe_of(bundle: Bundle) -> Recipe:
    """How it is built and run. Raises ``Conflict`` for a template that there is no recipe for."""
    if bundle.manifest["kind"] == "static":
        return STATIC
    template = bundle.manifest["template"]
    if template not in RECIPES:
        raise no_recipe(template)
    return RECIPES[template]


def no_recipe(template: str) -> Conflict:
    return Conflict(
        f"There is no recipe of a container for apps of the template {template[:100]}.",
        hint=f"There is one for {', '.join(RECIPES)}. Serve it with jupyter appbuilder serve, or write a "
        "Containerfile for its export.",
        reason="no_recipe",
    )


def container_files(
    bundle: Bundle, number: int, base: str = "/", *, user: str = USER, environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The files that go beside the app's own, by path. Raises ``Conflict``, ``InvalidInput`` for a ``base`` that is no
    path."""
    base = checked_base(base)
    manifest, recipe = bundle.manifest, recipe_of(bundle)
    data = tuple(manifest["data"])
    files = {
        "Containerfile": containerfile(recipe, base, user=user, environment=environment),
        "compose.yaml": compose(manifest["name"], number, recipe, data),
        ".dockerignore": "".join(f"{line}\n" for line in IGNORED),
        ".env.example": _environment(manifest["secrets"], recipe),
        "README.md": _readme(bundle, number, base, recipe),
    }
    if manifest["kind"] == "static":
        return files | {"serve.mjs": SERVER.read_text("utf-8")}
    # An empty folder is in no archive, and a volume begins as what the image has there.
    files |= {f"{APP}/{folder}.keep": "" for folder in data}
    return files | {f"{APP}/{path}": text for path, text in run_by(bundle).items()}


def run_by(bundle: Bundle) -> Mapping[str, str]:
    """What the app is run by where no App Builder is: files that go beside its own."""
    return find_template(bundle.manifest["template"]).exported()


def checked_base(base: str) -> str:
    base = f"/{base.strip().strip('/')}/".replace("//", "/")
    if not re.fullmatch(r"/(?:[A-Za-z0-9_~-][A-Za-z0-9_.~-]*/)*", base):
        raise InvalidInput(
            f"{base[:100]!r} is no path of an address.", hint="Write it like this: /tools/app/", field="base"
        )
    return base


def _publish(order: Order, tell: Tell, stop: threading.Event) -> Published:
    base = checked_base(order.settings.get("base", ""))
    files = container_files(order.bundle, order.number, base)
    with tempfile.TemporaryDirectory(prefix="appbuilder-container-") as made:
        given = lay_out(order.bundle, files, Path(made), stop)
        tell(f"{len(given.files):,} files, {given.size / 1e6:,.1f} MB.")
        return write(order, given, {}, tell, stop)


def lay_out(bundle: Bundle, files: Mapping[str, str], folder: Path, stop: threading.Event) -> Site:
    """What an image is built of, in ``folder``: the app's own files and ``files``. Blocks."""
    own = SITE if bundle.manifest["kind"] == "static" else APP
    left_out = [path.rstrip("/") for path in _built(bundle)]
    try:
        _copy(bundle.content, folder / own, left_out, stop)
        for path, text in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(target):
                target.write_text(text, "utf-8")
        return files_of(folder)
    except OSError as error:
        raise of_the_disk(error, bundle.folder) from None


def _built(bundle: Bundle) -> Sequence[str]:
    """What is built anew in the container."""
    if bundle.manifest["kind"] == "static":
        return ()
    try:
        publish = find_template(bundle.manifest["template"]).publish
    except AppBuilderError:
        return ()
    return publish.output if publish else ()


def _copy(source: Path, target: Path, left_out: Sequence[str], stop: threading.Event) -> None:
    def ignore(folder: str, names: list[str]) -> set[str]:
        if stop.is_set():
            raise Conflict("Publishing was stopped.", reason="stopped")
        here = os.path.relpath(folder, source)
        return {name for name in names if os.path.normpath(os.path.join(here, name)) in left_out}

    shutil.copytree(source, target, symlinks=True, ignore=ignore)


def _environment(secrets: Sequence[str], recipe: Recipe) -> str:
    lines = [
        "# Copy this to .env and fill it in. compose.yaml reads .env; keep it out of every archive and repository."
    ]
    if names := [name for name in secrets if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)]:
        lines += ["# What the app's functions read:", *(f"{name}=" for name in names)]
    for name, (value, meaning) in recipe.environment.items():
        lines += [f"# {meaning}", f"{'' if value else '#'}{name}={value}"]
    return "\n".join(lines) + "\n"


def _readme(bundle: Bundle, number: int, base: str, recipe: Recipe) -> str:
    manifest = bundle.manifest
    title = " ".join(manifest["title"].split())[:200]
    parts = [
        f"# {title}",
        f"Release {number}, built {manifest['built_at']} by Jupyter App Builder.",
        "```\ncp .env.example .env\ndocker compose up --build --detach   # or: podman compose\n```",
        f"It answers at http://localhost:{PORT}{base}; `PORT=9000 docker compose up` takes another port. Only this "
        "machine reaches it: put a proxy with HTTPS, and with a login where that matters, in front.",
    ]
    if base == "/" and not recipe.strips:
        parts.append("For a path of its own (/tools/app/) publish it again, and say the path there.")
    if recipe.strips and base != "/":
        parts.append(f"The proxy in front takes {base} off each path.")
    if manifest["data"]:
        folders = ", ".join(f"`{folder}`" for folder in manifest["data"])
        parts.append(
            f"What it stores is in volumes ({folders}): they stay when a new release is built. A copy of them: `docker "
            "compose stop`, then `docker compose cp app:/app/"
            + manifest["data"][0].rstrip("/")
            + " backup`. Migrations are applied by themselves when it starts."
        )
    if manifest["hosts"]:
        parts.append(f"It connects to {' '.join(', '.join(manifest['hosts']).split())}.")
    return "\n\n".join(parts) + "\n"
