"""GitHub Pages and GitLab Pages: the built site, and nothing else, pushed as one commit to a branch of its own.

The branch never holds more than the release that is live: sources and earlier releases are not in it. A branch that
this program did not make is never written over, and one that somebody pushed to meanwhile is not either.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit

from ...cancellation import in_thread
from ...errors import AppBuilderError, Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from ...vault.mask import Mask
from ..base import BundleKind, Order, Published, Setting, Tell
from .folder import NOT_FOUND, not_found
from .programs import Ran, environment, run
from .site import Site, from_the_root, said_from_the_root, site_of

SECONDS = 600
MARK = ".appbuilder.json"
"""In the branch: which publication it is."""
DOMAIN = "CNAME"
LARGEST_FILE = 100 * 1024 * 1024  # bytes that GitHub takes of a file
SCHEMES = ("https", "ssh", "file")
SHORT_SSH = re.compile(r"([\w.-]+)@([\w.-]+):(?!/)([\w./~-]+)")
BRANCH = re.compile(r"(?!.*(?:\.\.|//|@\{|\.lock(?:/|$)))[A-Za-z0-9_][A-Za-z0-9_./-]{0,99}(?<![./])")
HOST_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+"
)
REFUSED_BRANCHES = frozenset({"main", "master", "trunk", "develop"})

NOTHING_RUNS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.alternateRefsCommand=true",
    "gc.auto=0",
    "maintenance.auto=false",
    "receive.autogc=false",
)
LIVE, RELEASE = "refs/appbuilder/live", "refs/appbuilder/release"

GITHUB, GITLAB = "GitHub", "GitLab"
BRANCHES = {GITHUB: "gh-pages", GITLAB: "pages"}

GITLAB_CI = """\
pages:
  stage: deploy
  script:
    - "true"
  artifacts:
    paths:
      - public
  rules:
    - if: $CI_COMMIT_BRANCH == "{branch}"
"""
"""By which GitLab takes ``public/`` of the branch as its site."""

ASKPASS = """\
#!/bin/sh
case "$1" in
  Username*) printf '%s\\n' "$APPBUILDER_PAGES_USER" ;;
  *) printf '%s\\n' "$APPBUILDER_PAGES_TOKEN" ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository. ``url`` holds no account's token; ``host`` and ``path`` are "" for a folder of this machine."""

    url: str
    scheme: str
    host: str
    path: str


class PagesPublisher:
    name: ClassVar[str] = "pages"
    title: ClassVar[str] = "GitHub or GitLab Pages"
    kinds: ClassVar[Sequence[BundleKind]] = ("static",)
    settings: ClassVar[Sequence[Setting]] = (
        Setting(
            "repository",
            "Repository",
            help="https://github.com/you/app.git, or git@github.com:you/app.git. It gets the built app, not its "
            "sources.",
        ),
        Setting("host", "Host", choices=(GITHUB, GITLAB), default=GITHUB, required=False),
        Setting(
            "branch",
            "Branch",
            help="A branch for the app alone. Without one: gh-pages (GitHub), pages (GitLab).",
            required=False,
        ),
        Setting(
            "token",
            "Token",
            help="For https: one that may write this repository (GitHub: a fine-grained token with Contents: read and "
            "write; GitLab: write_repository). With ssh, your key is used.",
            secret=True,
            required=False,
        ),
        Setting("domain", "Domain of your own", help="app.example.org, if the host knows it.", required=False),
    )
    history: ClassVar[bool] = False
    keeps: ClassVar[bool] = False

    def unavailable(self) -> str:
        if not any(os.access(Path(folder, "git"), os.X_OK) for folder in os.environ.get("PATH", os.defpath).split(":")):
            return "It needs git, which is not installed. Install it (Debian: apt install git)."
        return ""

    async def preflight(self, name: str, template: str, settings: Mapping[str, str], tell: Tell) -> None:
        async with _pusher(settings, tell) as push:
            await push.look(name)

    async def publish(self, order: Order, tell: Tell) -> Published:
        site = await in_thread(site_of, order.bundle)
        warning = said_from_the_root(await in_thread(from_the_root, site))
        kind = order.settings.get("host") or GITHUB
        if kind == GITHUB and (large := next((file for file in site.files if file.size > LARGEST_FILE), None)):
            raise InvalidInput(
                f"{large.path} has {large.size / 1e6:,.0f} MB, and GitHub takes files of up to 100 MB.",
                hint="Make it smaller, or publish the app elsewhere.",
                reason="too_large",
            )
        name = order.bundle.manifest["name"]
        async with _pusher(order.settings, tell) as push:
            at, domain = await push.look(name)
            domain = push.domain or _domain(site) or domain
            message = f"{order.bundle.manifest['title']}, release {order.number}"
            commit = await push.commit(site, message, name, order.number, domain)
            tell(f"Pushing {len(site.files):,} files, {site.size / 1e6:,.1f} MB, to {push.branch}.")
            await push.put(commit, at)
        tell(f"{push.remote.url} has release {order.number} on the branch {push.branch}.")
        return Published(
            url=_address(push.remote, kind, domain),
            note=" ".join(filter(None, [warning, _what_is_left(push.remote, kind, push.branch, domain)])),
        )

    async def unpublish(self, name: str, settings: Mapping[str, str], tell: Tell) -> None:
        async with _pusher(settings, tell) as push:
            at, _ = await push.look(name)
            if at:
                await push.put("", at)
                tell(f"Deleted the branch {push.branch} of {push.remote.url}.")


@dataclass(frozen=True, slots=True)
class Pusher:
    """An empty repository of this machine that a release goes through, and where it is pushed to."""

    remote: Remote
    branch: str
    kind: str
    domain: str
    home: Path
    tell: Tell
    mask: Callable[[str], str]
    environment: Mapping[str, str]

    @property
    def ref(self) -> str:
        return f"refs/heads/{self.branch}"

    async def look(self, name: str) -> tuple[str, str]:
        """The commit of the branch, "" where there is none yet, and the domain that it names. Raises ``Conflict`` where
        it is not this app's."""
        lines: list[str] = []
        where = (*self._programs("upload"), "--", self.remote.url)
        await self._git("ls-remote", "--heads", *where, self.ref, take=lines.append)
        if not any(line.endswith(f"\t{self.ref}") for line in lines):
            return "", ""
        fetched = f"+{self.ref}:{LIVE}"
        few = ("--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head")
        await self._git("fetch", *few, *where, fetched)
        at = await self._commit_of(LIVE)
        mark = await self._read(at, MARK)
        if (found := _publication(mark)) != name:
            whose = f"the app {found!r}" if found else "something that this program did not put there"
            raise Conflict(
                f"The branch {self.branch} of {self.remote.url} holds {whose}.",
                hint="Choose another branch, one that is not there yet; nothing was changed.",
                reason="not_ours",
            )
        domain = (await self._read(at, DOMAIN)).strip()
        return at, domain if HOST_NAME.fullmatch(domain) else ""

    async def commit(self, site: Site, message: str, name: str, number: int, domain: str) -> str:
        """A commit of the site alone, without parents."""
        below = "public/" if self.kind == GITLAB else ""
        mark = json.dumps({"publication": name, "release": number, "made_by": "Jupyter App Builder"})
        added = {MARK: mark.encode() + b"\n"}
        if not site.has(NOT_FOUND):
            added[f"{below}{NOT_FOUND}"] = not_found(site)
        if self.kind == GITLAB:
            added[".gitlab-ci.yml"] = GITLAB_CI.format(branch=self.branch).encode()
        else:
            added[".nojekyll"] = b""
            if domain:
                added[DOMAIN] = f"{domain}\n".encode()
        # As a stream, not from a work tree: no attribute, filter or ignored name of the app's has a say.
        stream = self.home / "stream"
        await in_thread(_write_stream, stream, site, message, below, added)
        await self._git("fast-import", "--quiet", "--done", given=stream)
        return await self._commit_of(RELEASE)

    async def put(self, commit: str, at: str) -> None:
        """Make the branch that commit, "" to delete it; only if it still is at ``at``."""
        lease = ("--no-verify", "--no-follow-tags", f"--force-with-lease={self.ref}:{at}")
        where = ("--", self.remote.url, f"{commit}:{self.ref}")
        await self._git("push", "--porcelain", *lease, *self._programs("receive"), *where, told=True)

    def _programs(self, which: str) -> tuple[str, ...]:
        """A folder of this machine can be anybody's: none of its hooks and commands runs."""
        if self.remote.scheme != "file":
            return ()
        options = " ".join(f"-c {option}" for option in NOTHING_RUNS)
        return (f"--{which}-pack=git {options} {which}-pack",)

    async def _commit_of(self, ref: str) -> str:
        lines: list[str] = []
        await self._git("rev-parse", "--verify", ref, take=lines.append)
        return lines[0].strip()

    async def _read(self, commit: str, path: str) -> str:
        lines: list[str] = []
        with contextlib.suppress(AppBuilderError):
            await self._git("cat-file", "blob", f"{commit}:{path}", take=lines.append)
        return "\n".join(lines)[:10_000]

    async def _git(
        self,
        command: str,
        *arguments: str,
        take: Callable[[str], None] | None = None,
        given: Path | None = None,
        told: bool = False,
    ) -> Ran:
        options = [*NOTHING_RUNS, "protocol.allow=never", "credential.helper=", "http.followRedirects=false"]
        schemes = [*SCHEMES, *(["http"] if self.remote.scheme == "http" else [])]
        options += [f"protocol.{scheme}.allow=always" for scheme in schemes]
        options += ["push.recurseSubmodules=no", "submodule.recurse=false", "transfer.fsckObjects=true"]
        words = ["git", *(word for option in options for word in ("-c", option))]
        words += ["--git-dir", str(self.home / "repository.git"), command, *arguments]
        if given is not None:
            words = ["/bin/sh", "-c", 'exec "$@" < "$0"', str(given), *words]
        said: list[str] = []

        def take_both(line: str) -> None:
            said.append(line)
            if take:
                take(line)

        ran = await run(
            words,
            env=self.environment,
            cwd=self.home,
            mask=self.mask,
            seconds=SECONDS,
            tell=self.tell if told else None,
            take=take_both,
            what=f"git {command}",
        )
        if ran.code:
            raise _refused(self, command, self.mask("\n".join([*ran.lines, *said[-20:]])))
        return ran


@contextlib.asynccontextmanager
async def _pusher(settings: Mapping[str, str], tell: Tell) -> AsyncGenerator[Pusher]:
    remote = parse_remote(settings.get("repository", ""))
    kind = settings.get("host") or GITHUB
    if kind not in BRANCHES:
        raise InvalidInput(
            f"{kind[:80]!r} is no host of pages.", hint=f"Use one of: {', '.join(BRANCHES)}.", field="host"
        )
    branch = settings.get("branch", "").strip() or BRANCHES[kind]
    if not BRANCH.fullmatch(branch):
        raise InvalidInput(
            f"{branch[:100]!r} is no name of a branch.", hint="Use letters, digits, - and _.", field="branch"
        )
    if branch in REFUSED_BRANCHES:
        raise InvalidInput(
            f"The branch {branch} is where people keep sources, and the app's branch holds the app alone.",
            hint=f"Choose another, such as {BRANCHES[kind]}.",
            field="branch",
        )
    domain = settings.get("domain", "").strip().lower()
    if domain and not HOST_NAME.fullmatch(domain):
        raise InvalidInput(
            f"{domain[:100]!r} is no name of a host.", hint="Such as app.example.org, without https://.", field="domain"
        )
    token = settings.get("token", "").strip()
    if re.search(r"\s", token):
        raise InvalidInput("The token holds white space.", hint="Copy the token alone.", field="token")
    mask = Mask()
    mask.learn([token])
    with tempfile.TemporaryDirectory(prefix="appbuilder-pages-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        askpass = home / "askpass"
        askpass.write_text(ASKPASS)
        askpass.chmod(0o700)
        (home / "home").mkdir()
        env = environment(home / "home") | {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": str(askpass),
            "SSH_ASKPASS_REQUIRE": "never",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_AUTHOR_NAME": "Jupyter App Builder",
            "GIT_AUTHOR_EMAIL": "appbuilder@localhost",
            "GIT_COMMITTER_NAME": "Jupyter App Builder",
            "GIT_COMMITTER_EMAIL": "appbuilder@localhost",
            "LC_ALL": "C",
        }
        if remote.scheme == "ssh":  # the person's own key and known hosts
            env |= {name: os.environ[name] for name in ("HOME", "SSH_AUTH_SOCK") if name in os.environ}
            env["GIT_SSH_COMMAND"] = os.environ.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=20")
        elif token:
            env["APPBUILDER_PAGES_USER"] = "oauth2" if kind == GITLAB else "x-access-token"
            env["APPBUILDER_PAGES_TOKEN"] = token
        if "GIT_SSL_CAINFO" in os.environ:
            env["GIT_SSL_CAINFO"] = os.environ["GIT_SSL_CAINFO"]
        push = Pusher(remote, branch, kind, domain, home, tell, mask.text, env)
        await run(
            ["git", "init", "-q", "--bare", "--template=", str(home / "repository.git")],
            env=env,
            cwd=home,
            mask=mask.text,
            seconds=60,
            what="git init",
        )
        yield push


def parse_remote(given: str) -> Remote:
    """The repository that a person named. Raises ``InvalidInput``."""
    given = given.strip()

    def wrong(message: str, hint: str) -> InvalidInput:
        return InvalidInput(message, hint=hint, field="repository")

    address = "Give its address: https://github.com/you/app.git."
    if not given:
        raise wrong("No repository is named.", address)
    if re.search(r"[\s\x00-\x1f\x7f]", given) or given.startswith("-"):
        raise wrong("That is no address of a repository.", address)
    if match := SHORT_SSH.fullmatch(given):
        return Remote(given, "ssh", match[2].lower(), match[3].strip("/"))
    try:
        read = urlsplit(given)
        _ = read.port
    except ValueError:
        raise wrong(
            "That is no address of a repository.", "Give its address: https://github.com/you/app.git."
        ) from None
    loopback = read.scheme == "http" and read.hostname in ("127.0.0.1", "::1", "localhost")
    if read.scheme not in SCHEMES and not loopback:
        raise wrong(
            "The repository cannot be reached that way." if read.scheme else "That is a path, not an address.",
            f"Use an address of one of: {', '.join(SCHEMES)}.",
        )
    if read.password or (read.username and read.scheme != "ssh"):
        raise wrong("The repository's address holds an account.", "Leave it out; the token has a field of its own.")
    if (read.hostname or "").startswith("-") or (read.username or "").startswith("-"):
        raise wrong("That is no address of a repository.", address)
    return Remote(given, read.scheme, (read.hostname or "").lower(), read.path.strip("/"))


def _domain(site: Site) -> str:
    """What the app itself names."""
    named = site.read(DOMAIN, 1000).decode(errors="replace").strip() if site.has(DOMAIN) else ""
    return named if HOST_NAME.fullmatch(named) else ""


def _publication(mark: str) -> str | None:
    with contextlib.suppress(ValueError):
        found: Any = json.loads(mark)
        fields = cast("dict[str, Any]", found if isinstance(found, dict) else {})
        if fields.get("made_by") == "Jupyter App Builder" and isinstance(fields.get("publication"), str):
            return str(fields["publication"])[:100]
    return None


def _write_stream(path: Path, site: Site, message: str, below: str, added: Mapping[str, bytes]) -> None:
    def data(content: bytes) -> Iterator[bytes]:
        yield b"data %d\n" % len(content)
        yield content
        yield b"\n"

    def quoted(name: str) -> bytes:
        return b'"' + re.sub(rb'[\x00-\x1f"\\\x7f-\xff]', lambda found: b"\\%03o" % found[0][0], name.encode()) + b'"'

    with open(path, "wb") as out:
        out.write(b"feature done\ncommit %s\n" % RELEASE.encode())
        out.write(b"committer Jupyter App Builder <appbuilder@localhost> %d +0000\n" % time.time())
        out.writelines(data(message.encode()))
        for file in site.files:
            if file.path.lower() == ".git" or "/.git/" in f"/{file.path.lower()}/":
                continue  # git takes no such file
            out.write(b"M 100644 inline %s\n" % quoted(f"{below}{file.path}"))
            out.writelines(data(site.read(file.path)))
        for name, content in added.items():
            out.write(b"M 100644 inline %s\n" % quoted(name))
            out.writelines(data(content))
        out.write(b"\ndone\n")


def _refused(push: Pusher, command: str, said: str) -> AppBuilderError:
    """What git said, as an error for people."""
    where = push.remote.url
    low = said.lower()
    line = next((found[1].strip() for found in re.finditer(r"(?:remote|fatal|error):\s*(.+)", said)), "")[:300]
    if "stale info" in low or "fetch first" in low or "non-fast-forward" in low:
        return Conflict(
            f"Somebody pushed to the branch {push.branch} of {where} in the meantime.",
            hint="Publish again; nothing was changed.",
            reason="pushed_meanwhile",
        )
    if "protected branch" in low or "gh006" in low or "pre-receive hook declined" in low or "gh013" in low:
        return Forbidden(
            f"{where} does not let the branch {push.branch} be replaced: {line or 'it is protected'}.",
            hint="Choose another branch, or allow force pushes to this one in the repository's settings.",
            reason="protected",
        )
    if "error: 403" in low or "denied to" in low or "write access" in low or "not allowed to push" in low:
        return Forbidden(
            f"The token or key may not write {where}.",
            hint="Make one that may (GitHub: Contents: read and write; GitLab: write_repository), and set it.",
            reason="no_write_right",
        )
    if "authentication failed" in low or "could not read username" in low or "could not read password" in low:
        return Forbidden(
            f"{where} does not accept the token: it is wrong, has expired, or there is none.",
            hint="Make a new one that may write the repository, and set it.",
            reason="not_accepted",
        )
    if "permission denied" in low and push.remote.scheme == "ssh":
        return Forbidden(
            f"{push.remote.host} does not accept your ssh key.",
            hint="Add the key to your account there, or use the https address with a token.",
            reason="not_accepted",
        )
    if "host key verification failed" in low:
        return Unavailable(
            f"The host {push.remote.host} is not known to ssh.",
            hint=f"Connect once in a terminal (ssh {push.remote.host}), compare its key, and try again.",
        )
    if "not found" in low or "does not exist" in low or "does not appear to be a git repository" in low:
        return NotFound(
            f"There is no repository at {where}, or the token may not see it.",
            hint="Check the address; make the repository first. A private one needs a token with access to it.",
            reason="unknown_repository",
        )
    if "error: 301" in low or "error: 302" in low or "error: 307" in low or "error: 308" in low:
        return NotFound(
            f"The repository {where} has moved.", hint="Give its present address.", reason="unknown_repository"
        )
    if "error: 429" in low or "rate limit" in low:
        return Unavailable(f"{where} takes no more requests for now.", hint="Wait some minutes, and publish again.")
    if "quota" in low or "larger than" in low or "exceeds" in low or "too large" in low or "error: 413" in low:
        return Conflict(f"{where} has no room for the app: {line}.", hint="Make it smaller.", reason="too_large")
    if "could not resolve" in low or "failed to connect" in low or "unable to access" in low or "timed out" in low:
        return Unavailable(
            f"{push.remote.host or where} cannot be reached: {line or 'no answer'}.",
            hint="Check the address and the network, and publish again.",
            reason="unreachable",
        )
    return Unavailable(
        f"git {command} failed: {line or said[-300:] or 'it said nothing'}.",
        hint="See the log above; the release that was there before still is.",
        reason="git_failed",
    )


def _address(remote: Remote, kind: str, domain: str) -> str:
    if domain:
        return f"https://{domain}/"
    parts = remote.path.removesuffix(".git").split("/")
    if len(parts) < 2 or not remote.host:
        return ""
    if kind == GITHUB and remote.host in ("github.com", "ssh.github.com"):
        owner, repository = parts[0].lower(), parts[-1]
        return f"https://{owner}.github.io/" + ("" if repository.lower() == f"{owner}.github.io" else f"{repository}/")
    if kind == GITLAB and remote.host == "gitlab.com":
        first, rest = parts[0].lower(), "/".join(parts[1:])
        return f"https://{first}.gitlab.io/" + ("" if rest.lower() == f"{first}.gitlab.io" else f"{rest}/")
    return ""


def _what_is_left(remote: Remote, kind: str, branch: str, domain: str) -> str:
    if kind == GITLAB:
        return (
            "GitLab's pipeline puts it in place in some minutes; the address is at Deploy > Pages. Who may see it: "
            "Settings > General > Visibility > Pages."
        )
    note = (
        f"Once: in the repository's Settings > Pages, deploy from the branch {branch}, folder / (root). "
        "It is in place in a minute or two. Pages can be seen by everybody, also of most private repositories."
    )
    return note + (f" {domain} has to point to GitHub." if domain and remote.host else "")
