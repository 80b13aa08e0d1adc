"""Files that do not belong to an app: ``.gitignore`` as git reads it, and built-in exclusions.

Read here rather than by git, so that a file tree depends on nothing but the files themselves (no user or machine
excludes), and so that a scan needs no process.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

NEVER = re.compile(r"\.git|node_modules|\.ipynb_checkpoints", re.IGNORECASE)
"""Names that are in no tree, list or archive, whatever `.gitignore` says: a repository of somebody else's making,
dependencies (mounted at run time), the copies JupyterLab's editor keeps. Nor are those of ``is_secret``."""

PASSING = re.compile(r"\.(rows-[0-9a-f]{16}|version-[0-9a-f]{16}\.db(-wal|-shm|-journal)?)")
"""Names of files that we put beside an app's database for a moment: rows on their way into a table, a version's copy
that is asked. They are in no tree, list or archive either, but go where the app goes."""

SECRET = (
    # Settings of an environment
    *(".env", ".env[._-]*", "*.env", ".envrc", ".dev.vars", ".dev.vars.*"),
    *("secrets.toml", "secrets.json", "secrets.yaml", "secrets.yml"),
    # Keys
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.ppk", "*.kdbx"),
    *("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", ".ssh", ".gnupg"),
    # Accounts
    *("credentials.json", "client_secret*.json", "service-account*.json", "service_account*.json"),
    *("application_default_credentials.json", ".aws", ".kube", ".vault-token"),
    *(".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", ".my.cnf", ".htpasswd", ".git-credentials", ".dockercfg"),
)
"""Names of files and folders that by convention hold secrets, as `.gitignore` patterns."""

NOT_SECRET = (
    "*.example",
    "*.sample",
    "*.template",
    "*.defaults",
    "*.dist",
    "example.env",
    "sample.env",
    "template.env",
)
"""Names of those that show what such a file looks like."""

_MARK = re.compile(r"\.?#|\.(?=.*\.sw[a-z]\Z)", re.IGNORECASE | re.DOTALL)
_ENDING = re.compile(r"\.(?:bak|backup|old|orig|save|copy|sw[a-z])(?:\.?\d{1,9})?\Z", re.IGNORECASE)
_LONGEST_ENDING = 24  # characters

LONGEST_PATTERN = 1024
MOST_DOUBLE_STARS = 4  # each may try every slash of the path


@dataclass(frozen=True, slots=True)
class Rule:
    pattern: re.Pattern[str]
    negated: bool
    directories_only: bool


@dataclass(frozen=True, slots=True)
class Ignore:
    """The rules of one folder's `.gitignore`; ``base`` is that folder with a trailing slash, or empty."""

    base: str
    rules: tuple[Rule, ...]


def never_tracked(name: str) -> bool:
    """True if files and folders of this name are always left out."""
    return NEVER.fullmatch(name) is not None or is_secret(name)


def is_passing(name: str) -> bool:
    """True if we put a file of this name there for a moment."""
    return PASSING.fullmatch(name) is not None


def is_secret(name: str) -> bool:
    """True if a file or folder of this name holds secrets by convention. Its content stays on the disk: it is in no
    version, list, archive, notebook or log, and is not shown to a model."""
    names = (name, original_of(name))
    return any(_SECRET.fullmatch(one) for one in names) and not any(_NOT_SECRET.fullmatch(one) for one in names)


def original_of(name: str) -> str:
    """The name of the file of which this one is a copy that an editor or a person put beside it, or the name itself.

    In time that grows with the name's length alone: it may be one that a model made up.
    """
    mark = _MARK.match(name)
    start, end = mark.end() if mark else 0, len(name)
    while end > start + 1:
        if name[end - 1] in "~#":
            end -= 1
        elif (found := _ENDING.search(name, max(start + 1, end - _LONGEST_ENDING), end)) is not None:
            end = found.start()
        else:
            break
    return name[start:end]


def is_secret_path(path: str) -> bool:
    """True if a file, or a folder above it, holds secrets by its name."""
    return any(is_secret(part) for part in path.split("/"))


def read_rules(text: str, base: str) -> Ignore:
    """The rules of a `.gitignore` file that lies in ``base``. Lines that are no valid pattern are passed over."""
    lines = text.removeprefix("\ufeff").split("\n")
    rules = [rule for line in lines if (rule := _rule(line.removesuffix("\r"))) is not None]
    return Ignore(base, tuple(rules))


def is_ignored(path: str, directory: bool, ignores: Sequence[Ignore]) -> bool:
    """True if ``path`` matches, given the rules from the root down to its folder. The last matching rule wins."""
    for ignore in reversed(ignores):
        relative = path[len(ignore.base) :]
        for rule in reversed(ignore.rules):
            if rule.directories_only and not directory:
                continue
            if rule.pattern.fullmatch(relative):
                return not rule.negated
    return False


def _rule(line: str) -> Rule | None:
    if len(line) > LONGEST_PATTERN:
        return None
    text = line.rstrip(" ")
    escaped = (len(text) - len(text.rstrip("\\"))) % 2  # a space after a backslash is meant
    line = line[: len(text) + escaped]
    if not line or line.startswith("#") or line.count("**") > MOST_DOUBLE_STARS:
        return None
    negated = line.startswith("!")
    line = line[1:] if negated else line
    directories_only = line.endswith("/")
    line = line[:-1] if directories_only else line
    if not line:
        return None
    anchored = "/" in line
    line = line.removeprefix("/")
    try:
        body = _path_pattern(line.split("/"))
        return Rule(re.compile(body if anchored else "(?:.*/)?" + body, re.DOTALL), negated, directories_only)
    except re.error:
        return None


def _path_pattern(segments: list[str]) -> str:
    pattern = ""
    for position, segment in enumerate(segments):
        last = position == len(segments) - 1
        if segment == "**":
            pattern += ".+" if last else "(?:.*/)?"
        else:
            pattern += segment_pattern(segment) + ("" if last else "/")
    return pattern


def segment_pattern(segment: str) -> str:
    """A glob without slashes as a regular expression.

    Each star but the last is an atomic group up to the fixed text that follows: a glob never needs to go back
    there, and without the group a hostile pattern could take exponential time.
    """
    chunks: list[str] = [""]
    position = 0
    while position < len(segment):
        character = segment[position]
        position += 1
        if character == "*":
            if chunks[-1] or len(chunks) == 1:
                chunks.append("")
        elif character == "?":
            chunks[-1] += "[^/]"
        elif character == "\\":
            if position == len(segment):
                raise re.error("a pattern that ends in a backslash matches nothing")
            chunks[-1] += re.escape(segment[position])
            position += 1
        elif character == "[":
            end = position + 1 if segment[position : position + 1] in ("!", "^") else position
            end = segment.find("]", end + 1)
            if end < 0:
                raise re.error("a bracket that is not closed matches nothing")
            inside = segment[position:end]
            negated = inside[:1] in ("!", "^")
            inside = (inside[1:] if negated else inside).replace("[", "\\[").replace("&&", "&\\&")
            inside = inside.replace("--", "-\\-").replace("~~", "~\\~").replace("||", "|\\|")
            chunks[-1] += f"(?!/)[{'^' if negated else ''}{inside}]"
            position = end + 1
        else:
            chunks[-1] += re.escape(character)
    first, *rest = chunks
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>[^/]*?{chunk})" for chunk in middle) + f"[^/]*{last}"


def _any_of(globs: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{segment_pattern(glob)})" for glob in globs), re.IGNORECASE | re.DOTALL)


_SECRET, _NOT_SECRET = _any_of(SECRET), _any_of(NOT_SECRET)
