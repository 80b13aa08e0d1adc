"""Templates from a folder or git repository: copied once, so that a session always finds its template.

What is copied is the manifest, the icon, the picture, ``files/``, ``runtime/`` and ``postgresql/``, as plain files:
nothing of a repository runs, is configured or is linked to. A copy is named for its source and its content and never
changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import signal
import stat
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from ..errors import InvalidInput, NotFound, Unavailable
from .templates import PICTURES, POSTGRESQL, Template

SECONDS = 120
LARGEST = 64 * 1024 * 1024  # bytes, all files of a template
LARGEST_PACK = 256 * 1024 * 1024  # bytes that a repository may send
LARGEST_LISTING = 4 * 1024 * 1024  # bytes of the names of these files
MOST_FILES = 5000
TAKEN = ("template.toml", "icon.svg", *PICTURES, "files", "runtime", POSTGRESQL)
LEFT_OUT = frozenset({".git", "node_modules", "__pycache__", ".venv", ".ruff_cache", ".DS_Store"})

SCHEMES = ("https", "ssh", "file")
OF_A_PAGE = re.compile(
    r"(?P<repository>https?://[^?#]+?)(?:\.git)?/(?:-/)?(?:tree|blob|src/branch)/[^/]+/?(?P<folder>[^?#]*?)/?"
)
"""Where a forge shows a folder of a repository: what people find in their browser's address field."""
SHORT_SSH = re.compile(r"[\w.-]+@[\w.-]+:(?!//)\S+")


@dataclass(frozen=True, slots=True)
class Repository:
    """``url`` as git takes it, and the folder in it that is the template, "" for all of it."""

    url: str
    subfolder: str


def is_source(text: str) -> bool:
    """True if ``text`` is a path or an address, not a template's name."""
    return text.startswith((".", "~")) or "/" in text or SHORT_SSH.fullmatch(text) is not None


def parse_repository(text: str) -> Repository | None:
    """``https://…/repo.git[#subfolder]``, the same with ssh, ``user@host:repo.git`` or ``file:///…``; None for a path.

    Raises ``InvalidInput`` for what git must not be asked.
    """
    address, _, subfolder = text.strip().partition("#")
    address = address.removeprefix("git+")
    if "://" not in address and not SHORT_SSH.fullmatch(address):
        return None
    try:
        read = urlsplit(address)
    except ValueError as error:
        raise InvalidInput(f"That is no address: {error}.", hint="Correct it.", field="template") from None
    scheme = read.scheme if "://" in address else "ssh"
    if scheme not in SCHEMES:
        raise InvalidInput(
            f"Templates cannot be fetched by {scheme}.", hint=f"Use one of: {', '.join(SCHEMES)}.", field="template"
        )
    if read.password:
        raise InvalidInput(
            "The template's address holds a password.",
            hint="Use ssh with your key, or clone the repository yourself and give the folder.",
            field="template",
        )
    if page := OF_A_PAGE.fullmatch(address):
        raise InvalidInput(
            "That is the address of a page that shows a folder, not of a repository.",
            hint=f"Give {without_account(page['repository'])}.git#{page['folder'] or 'FOLDER'}; the default branch "
            "is taken.",
            field="template",
        )
    parts = PurePosixPath(subfolder).parts
    if subfolder.startswith("/") or ".." in parts:
        raise InvalidInput(f"{subfolder!r} lies outside the repository.", hint="Name a folder in it.", field="template")
    return Repository(address, "/".join(parts))


async def fetch_template(source: str, shelf: Path, near: Sequence[Path] = ()) -> Template:
    """The template at ``source``, copied below ``shelf``. A relative path is looked for below each of ``near``.

    Raises ``InvalidInput`` for what is no template, ``NotFound`` for a folder that is not there, ``Unavailable`` for a
    repository that cannot be had.
    """
    repository = parse_repository(source)
    if repository is None:
        found = await asyncio.to_thread(_find_folder, source, near)
        name = found.name
        content = await asyncio.to_thread(_read_folder, found)
    else:
        last = repository.subfolder or repository.url.rstrip("/").removesuffix(".git")
        name = re.split(r"[/:]", last)[-1]
        content = await _read_repository(repository)
    if "template.toml" not in content:
        raise InvalidInput(
            f"There is no template.toml in {without_account(source)}.",
            hint="Name the folder that holds it (for a repository: ADDRESS#FOLDER). See docs/templates.md.",
            field="template",
        )
    return await asyncio.to_thread(place, content, name, shelf)


def without_account(source: str) -> str:
    """An address as it may be shown and kept: a token can stand in the place of the account."""
    return re.sub(r"^((?:git\+)?https?://)[^/@\s]*@", r"\1", source.strip())


Content = Mapping[str, tuple[bool, bytes]]
"""Path to whether it can be run, and its bytes."""


def _find_folder(text: str, near: Sequence[Path]) -> Path:
    path = Path(text).expanduser()
    for place in (path,) if path.is_absolute() else tuple(folder / path for folder in near):
        if place.is_dir():
            return place.resolve()
    raise NotFound(
        f"There is no folder {path}.",
        hint="Give a folder with a template.toml, a git address, or a template's name.",
        reason="unknown_template",
    )


def _read_folder(folder: Path) -> Content:
    """By descriptor: whatever else writes there, no link is followed."""
    content: dict[str, tuple[bool, bytes]] = {}
    left = LARGEST

    def take(name: str, path: str, place: int) -> None:
        nonlocal left
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place)
        except OSError:
            raise _not_plain(path) from None
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise _not_plain(path)
            left -= status.st_size
            _within(len(content) + 1, left)
            content[path] = (bool(status.st_mode & stat.S_IXUSR), file.read(status.st_size))

    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        present = set(os.listdir(root))
        for top in TAKEN:
            if top not in present:
                continue
            if not stat.S_ISDIR(os.stat(top, dir_fd=root, follow_symlinks=False).st_mode):
                take(top, top, root)
                continue
            for here, folders, names, place in os.fwalk(top, dir_fd=root, follow_symlinks=False):
                folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
                for name in [*folders, *sorted(name for name in names if name not in LEFT_OUT)]:
                    mode = os.stat(name, dir_fd=place, follow_symlinks=False).st_mode
                    if not stat.S_ISDIR(mode):
                        take(name, f"{here}/{name}", place)
    finally:
        os.close(root)
    return content


async def _read_repository(repository: Repository) -> Content:
    with tempfile.TemporaryDirectory(prefix="appbuilder-template-") as folder:
        clone = Path(folder, "clone.git")
        arguments = ["clone", "--quiet", "--bare", "--depth", "1", "--single-branch", "--no-tags"]
        await _git([*arguments, "--template=", "--", repository.url, str(clone)], repository)
        prefix = f"{repository.subfolder}/" if repository.subfolder else ""
        wanted = [f"{prefix}{name}" for name in TAKEN]
        # A few kilobytes of trees that hold one another can list billions of files.
        listing = await _git(
            ["-C", str(clone), "ls-tree", "-r", "-l", "-z", "--full-tree", "HEAD", "--", *wanted],
            repository,
            most=LARGEST_LISTING,
        )
        entries: dict[str, tuple[bool, str]] = {}
        left = LARGEST
        for line in listing.decode("utf-8", "surrogateescape").split("\0")[:-1]:
            head, _, path = line.partition("\t")
            mode, kind, key, size = head.split()
            relative = path.removeprefix(prefix)
            parts = relative.split("/")
            if any(part.lower() in LEFT_OUT for part in parts):
                continue
            if kind != "blob" or mode not in ("100644", "100755"):
                raise _not_plain(relative)
            if any(part in ("", ".", "..") or "\\" in part for part in parts):
                raise InvalidInput(f"The template holds a file named {relative!r}.", hint="Rename it.")
            left -= int(size)
            _within(len(entries) + 1, left)
            entries[relative] = (mode == "100755", key)
        # Taken out one by one, never checked out: no attribute, filter or link of the repository has a say.
        keys = "".join(f"{key}\n" for _, key in entries.values()).encode()
        blobs = await _git(["-C", str(clone), "cat-file", "--batch"], repository, keys, most=LARGEST + LARGEST_LISTING)
    content: dict[str, tuple[bool, bytes]] = {}
    at = 0
    for path, (runs, _) in entries.items():
        end = blobs.index(b"\n", at)
        size = int(blobs[at:end].split()[2])
        content[path] = (runs, blobs[end + 1 : end + 1 + size])
        at = end + 2 + size
    return content


async def _git(
    arguments: Sequence[str], repository: Repository, given: bytes = b"", most: int = LARGEST_LISTING
) -> bytes:
    """Run git without any configuration, hook, prompt or protocol but those allowed. Raises ``Unavailable``,
    ``InvalidInput`` for an answer of more than ``most`` bytes."""
    options = ["core.hooksPath=/dev/null", "core.fsmonitor=false", "submodule.recurse=false", "protocol.allow=never"]
    options += [f"protocol.{scheme}.allow=always" for scheme in SCHEMES]
    options += ["http.followRedirects=initial", "credential.helper=", "gc.auto=0", "transfer.fsckObjects=true"]
    line = ["git", *(word for option in options for word in ("-c", option)), *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {name: os.environ[name] for name in ("GIT_SSL_CAINFO", "GIT_SSH_COMMAND") if name in os.environ}
    environment |= {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",
    }
    environment.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
    limited = ["/bin/sh", "-c", f'ulimit -f {LARGEST_PACK // 512}; exec "$@"', "sh", *line]
    process = await asyncio.create_subprocess_exec(
        *limited, stdin=-1, stdout=-1, stderr=-1, env=environment, cwd="/", start_new_session=True
    )
    try:
        async with asyncio.timeout(SECONDS):
            output, errors = await _told(process, given, most)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        if isinstance(error, TimeoutError):
            raise Unavailable(
                f"{without_account(repository.url)} did not send the template within {SECONDS} seconds.",
                hint="Try again, or clone it yourself and give the folder.",
            ) from None
        raise
    if process.returncode:
        raise _refused(repository, errors.decode(errors="replace"))
    return output


async def _told(process: asyncio.subprocess.Process, given: bytes, most: int) -> tuple[bytes, bytes]:
    """What it writes, and what it says of errors. Raises ``InvalidInput`` for more than ``most`` bytes."""
    source, output, errors = process.stdin, process.stdout, process.stderr
    assert source is not None
    assert output is not None
    assert errors is not None

    async def send() -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            source.write(given)
            await source.drain()
        source.close()

    async def take(stream: asyncio.StreamReader, most: int) -> bytes:
        pieces = bytearray()
        while piece := await stream.read(65536):
            pieces += piece
            if len(pieces) > most:
                _within(0, -1)
        return bytes(pieces)

    told, said, _ = await asyncio.gather(take(output, most), take(errors, most), send())
    await process.wait()
    return told, said


def _refused(repository: Repository, errors: str) -> Unavailable:
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    told = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1] if lines else "")
    reason = re.sub(r"//[^/@\s]+@", "//", told.partition(":")[2].strip() or told)[:300].rstrip(".")
    hint = "Check the address. A private repository needs ssh and your key; or clone it yourself and give the folder."
    if "File too large" in errors or "invalid index-pack output" in errors:  # it was ended at the limit
        reason, hint = f"it is larger than {LARGEST_PACK >> 20} MiB", "Put the template into a repository of its own."
    return Unavailable(
        f"The template could not be fetched from {without_account(repository.url)}: {reason or 'git said nothing'}.",
        hint=hint,
        reason="template_unreachable",
    )


def _not_plain(path: str) -> InvalidInput:
    return InvalidInput(
        f"The template's {path} is a link, a submodule or a special file.",
        hint="Put the file itself there.",
        field="template",
    )


def _within(files: int, left: int) -> None:
    if files > MOST_FILES or left < 0:
        raise InvalidInput(
            f"The template is larger than {LARGEST >> 20} MiB or has more than {MOST_FILES} files.",
            hint="Leave out what is installed or built; packages come from the lock file.",
            field="template",
        )


def place(content: Content, name: str, shelf: Path) -> Template:
    """The template of this content, below ``shelf``. Raises ``InvalidInput`` for what is none."""
    digest = hashlib.sha256()
    for path in sorted(content):
        runs, data = content[path]
        digest.update(f"{path}\0{runs}\0{len(data)}\0".encode("utf-8", "surrogateescape"))
        digest.update(data)
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "template"
    folder = shelf / f"{slug}-{digest.hexdigest()[:12]}"
    if not folder.is_dir():
        shelf.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".", dir=shelf))
        try:
            made = work / folder.name
            for path, (runs, data) in content.items():
                file = made / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
                file.chmod(0o755 if runs else 0o644)
            Template.load(made)  # a wrong one is not kept
            with contextlib.suppress(OSError):  # somebody else was quicker
                made.rename(folder)
        except InvalidInput as error:
            error.message = error.message.replace(f"{work / folder.name}/", "").replace(str(work), "")
            raise
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return Template.load(folder)
