"""Bundles on disk: written by us, and read back as what may come from anywhere."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, cast

from ..errors import InvalidInput
from ..formats import strict_json
from ..settings import write_settings
from ..workspace.folder import open_root, read_at
from .base import MANIFEST, NAME, Bundle, BundleManifest

FORMAT = 1
LARGEST_MANIFEST = 256 * 1024  # bytes
LONGEST = 2000  # characters of a text
MOST = 500  # texts of a list
MOST_SECONDS = 10 * 366 * 86400

_TEXTS = ("session", "name", "title", "template", "checkpoint", "tree", "built_at", "ready")
_LISTS = ("serve", "data", "secrets", "hosts")


def write_manifest(folder: Path, manifest: BundleManifest) -> Bundle:
    """The last step of a bundle: what has one is whole. Raises ``OSError``."""
    write_settings(folder / MANIFEST, manifest)
    return Bundle(folder, manifest)


def read_bundle(folder: Path) -> Bundle:
    """The bundle in ``folder``. Raises ``InvalidInput`` naming what is wrong with it. Blocks."""
    try:
        root = open_root(folder)
        try:
            text, _ = read_at(root, MANIFEST, LARGEST_MANIFEST)
        finally:
            os.close(root)
    except OSError:
        raise _no_bundle(folder, f"it has no file {MANIFEST}") from None
    if len(text) > LARGEST_MANIFEST:
        raise _no_bundle(folder, f"{MANIFEST} has more than {LARGEST_MANIFEST >> 10} KB")
    try:
        told: object = strict_json.parsed(text)
    except (ValueError, RecursionError):
        raise _no_bundle(folder, f"{MANIFEST} is no JSON") from None
    bundle = Bundle(folder, _checked(folder, told))
    if bundle.content.is_symlink() or not bundle.content.is_dir():
        raise _no_bundle(folder, f"it has no folder {bundle.content.name}/")
    return bundle


def _checked(folder: Path, told: object) -> BundleManifest:
    given = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
    if given.get("format") != FORMAT:
        raise _no_bundle(folder, f"its format is {given.get('format')!r:.40}, and {FORMAT} is known")
    if given.get("kind") not in ("static", "server"):
        raise _no_bundle(folder, "its kind is none")
    given.setdefault("session", "")
    for name in _TEXTS:
        if not isinstance(given.get(name), str) or len(given[name]) > LONGEST:
            raise _no_bundle(folder, f"{name} is no text")
    for name in _LISTS:
        if not _is_list(given.get(name)):
            raise _no_bundle(folder, f"{name} is no list of texts")
    if not isinstance(given.get("strip"), bool) or not isinstance(given.get("data_as_of"), str | None):
        raise _no_bundle(folder, "strip or data_as_of is not what it should be")
    promised = given.setdefault("promised", None)  # bundles of before say nothing of it
    if promised is not None and not (type(promised) is int and 0 <= promised <= MOST_SECONDS):
        raise _no_bundle(folder, "promised is no number of seconds")
    environment: object = given.get("environment")
    if not isinstance(environment, dict) or not all(
        re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", str(key)) and isinstance(value, str) and len(value) <= LONGEST
        for key, value in cast("dict[str, Any]", environment).items()
    ):
        raise _no_bundle(folder, "environment is no table of texts")
    if not NAME.fullmatch(given["name"]):
        raise _no_bundle(folder, f"its name is {given['name'][:60]!r}")
    if given["kind"] == "server" and not given["serve"]:
        raise _no_bundle(folder, "it names no command to serve it")
    if any(not re.fullmatch(r"(?!\.\.?/)([^/\0]+/)+", path) or "/../" in f"/{path}" for path in given["data"]):
        raise _no_bundle(folder, "data names something that is no folder of it")
    return cast("BundleManifest", {name: given[name] for name in BundleManifest.__annotations__})


def _is_list(value: object) -> bool:
    items = cast("list[object]", value) if isinstance(value, list) else [0]
    return len(items) <= MOST and all(isinstance(item, str) and len(item) <= LONGEST for item in items)


def _no_bundle(folder: Path, why: str) -> InvalidInput:
    return InvalidInput(
        f"{folder} is no bundle: {why}.",
        hint="A bundle is a folder that publishing an app makes.",
        reason="no_bundle",
    )
