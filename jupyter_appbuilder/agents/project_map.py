"""A map of the app for the model: its files, what they export, its packages. The same files always give the same map.

It holds no sizes and no line numbers, so that it stays as it is, and with it the provider's cache, while only the
insides of files change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, cast

from ..errors import AppBuilderError
from ..formats.text import lines

if TYPE_CHECKING:
    from ..workspace import FileInfo, Workspace

MOST_FILES = 400  # in the map; larger folders are folded from the deepest up
MOST_IN_FOLDER = 40
MOST_READ = 250  # files, to learn what they export
LARGEST_READ = 200_000  # bytes of a file that is read for it
MOST_NAMES = 8  # of one file
MOST_PACKAGES = 80

SCRIPT = frozenset([".ts", ".tsx", ".js", ".jsx", ".mjs", ".mts", ".vue", ".svelte"])
PYTHON = frozenset([".py"])

_NAME = r"[A-Za-z_$][\w$]*"
# Only at the start of a line: that is where formatters put them, and where strings and comments seldom have them.
_DECLARED = re.compile(
    rf"^export\s+(?:declare\s+)?(?P<default>default\s+)?(?:async\s+)?(?:abstract\s+)?"
    rf"(?:function\*?|class|const|let|var|type|interface|enum|namespace)\s+(?P<name>{_NAME})",
    re.MULTILINE,
)
_DEFAULT = re.compile(
    rf"^export\s+default\s+(?!function\b|class\b|async\b|abstract\b)(?:(?P<name>{_NAME})[ \t]*;?[ \t]*$)?", re.MULTILINE
)
_LISTED = re.compile(r"^export\s+(?:type\s+)?\{(?P<names>[^{}]{0,2000})\}", re.MULTILINE)
_ALL = re.compile(
    r"^export\s+\*\s+(?:as\s+(?P<name>[\w$]+)\s+)?from\s+['\"](?P<source>[^'\"\n]{1,200})['\"]", re.MULTILINE
)
_PYTHON = re.compile(
    r"^(?:async\s+def|def|class)\s+(?P<name>[A-Za-z]\w*)|^(?P<constant>[A-Z][A-Z0-9_]+)\s*(?::[^=\n]+)?=", re.MULTILINE
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")


async def project_map(workspace: Workspace, template: str) -> str:
    """The map of the app in ``workspace``, made from ``template``: at most some 20,000 characters."""
    files = [file for file in await workspace.list() if not _is_noise(file.path)]
    names: dict[str, Sequence[str]] = {}
    for file in [file for file in files if _readable(file)][:MOST_READ]:
        try:
            names[file.path] = exported(file.path, await workspace.read_text(file.path))
        except AppBuilderError:
            continue  # a link that leads out, or gone meanwhile
    parts = [
        f"Template: {template}",
        f"Files ({len(files)}), with what they export:\n{tree([f.path for f in files], names)}",
    ]
    if found := await packages(workspace):
        parts.append(f"Packages: {', '.join(found)}")
    return "\n\n".join(parts)


def exported(path: str, text: str) -> list[str]:
    """The names that a source file gives to others, in their order; empty for other files."""
    suffix = PurePosixPath(path).suffix
    if suffix in PYTHON:
        found = [match["name"] or match["constant"] for match in _PYTHON.finditer(text)]
        return list(dict.fromkeys(found))
    if suffix not in SCRIPT:
        return []
    text = _without_comments(text)
    places: list[tuple[int, str]] = []
    for match in _DECLARED.finditer(text):
        places.append((match.start(), f"{match['name']} (default)" if match["default"] else match["name"]))
    for match in _DEFAULT.finditer(text):
        places.append((match.start(), f"{match['name']} (default)" if match["name"] else "default"))
    for match in _LISTED.finditer(text):
        for item in match["names"].split(","):
            words = item.split()
            if words and re.fullmatch(_NAME, words[-1]):
                places.append((match.start(), words[-1]))
    for match in _ALL.finditer(text):
        places.append((match.start(), match["name"] or f"* from {match['source']}"))
    return list(dict.fromkeys(name for _, name in sorted(places, key=lambda place: place[0])))


def _without_comments(text: str) -> str:
    """Without the lines of ``/* … */`` where that begins a line: elsewhere it may be part of a string."""
    kept: list[str] = []
    inside = False
    for line in text.split("\n"):
        inside = inside or line.lstrip().startswith("/*")
        if not inside:
            kept.append(line)
        inside = inside and "*/" not in line
    return "\n".join(kept)


def tree(paths: Sequence[str], names: Mapping[str, Sequence[str]]) -> str:
    """Paths as an indented tree, files after folders; folders that are too large are folded to a count."""
    root: dict[str, Any] = {}
    for path in paths:
        folder = root
        *above, name = path.split("/")
        for part in above:
            folder = folder.setdefault(f"{part}/", {})
        folder[name] = path
    deepest = max((path.count("/") for path in paths), default=0)
    for depth in range(deepest + 1, 0, -1):
        lines = list(_lines(root, names, 0, depth))
        if len(lines) <= MOST_FILES:
            return "\n".join(lines)
    return "\n".join([*list(_lines(root, names, 0, 1))[:MOST_FILES], "…"])


def _lines(folder: Mapping[str, Any], names: Mapping[str, Sequence[str]], level: int, depth: int) -> Sequence[str]:
    lines: list[str] = []
    entries = sorted(folder.items(), key=lambda entry: (not entry[0].endswith("/"), entry[0]))
    files = [name for name, inner in entries if isinstance(inner, str)]
    shown = set(files if len(files) <= MOST_IN_FOLDER else files[: MOST_IN_FOLDER // 2])
    for name, inner in entries:
        indent = "  " * level
        if not isinstance(inner, str):
            inside = cast("dict[str, Any]", inner)
            if level + 1 >= depth:
                lines.append(f"{indent}{_plain(name)} ({_count(inside)} files)")
            else:
                lines += [f"{indent}{_plain(name)}", *_lines(inside, names, level + 1, depth)]
        elif name in shown:
            known = [_plain(item) for item in names.get(inner, ())]
            more = f", … {len(known) - MOST_NAMES} more" if len(known) > MOST_NAMES else ""
            lines.append(f"{indent}{_plain(name)}" + (f": {', '.join(known[:MOST_NAMES])}{more}" if known else ""))
    if len(shown) < len(files):
        lines.append(f"{'  ' * level}… {len(files) - len(shown)} more files")
    return lines


async def packages(workspace: Workspace) -> list[str]:
    """The names of the packages that the app asks for, without versions."""
    found: list[str] = []
    try:
        manifest: Any = json.loads(await workspace.read_text("package.json"))
        for kind in ("dependencies", "devDependencies"):
            found += [str(name) for name in manifest.get(kind, {})]
    except (AppBuilderError, ValueError, AttributeError, TypeError, RecursionError):
        pass
    try:
        for line in lines(await workspace.read_text("requirements.txt")):
            if match := re.match(r"\s*([A-Za-z0-9][\w.-]*)", line):
                found.append(match[1])
    except AppBuilderError:
        pass
    found = [_plain(name)[:80] for name in dict.fromkeys(found)]
    return found if len(found) <= MOST_PACKAGES else [*found[:MOST_PACKAGES], f"… {len(found) - MOST_PACKAGES} more"]


def _readable(file: FileInfo) -> bool:
    return PurePosixPath(file.path).suffix in SCRIPT | PYTHON and not file.binary and file.size <= LARGEST_READ


def _is_noise(path: str) -> bool:
    return path.rpartition("/")[2] in ("package-lock.json", "requirements.lock", ".gitignore")


def _count(folder: Mapping[str, Any]) -> int:
    return sum(1 if isinstance(inner, str) else _count(inner) for inner in folder.values())


def _plain(name: str) -> str:
    """A name that stays on its line: code in the sandbox may have made it."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", name)[:120]
