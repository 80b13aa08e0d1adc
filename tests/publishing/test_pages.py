"""A release pushed to a branch, by git's own server."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from jupyter_appbuilder.errors import AppBuilderError, Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from jupyter_appbuilder.publishing.targets.pages import PagesPublisher, parse_remote
from publishing.bundles import SITE, bundle, order
from publishing.git_host import GitHost, git, git_host

TOKEN = "github_pat_11ABCDEF0_correct-horse-battery"


@pytest.fixture
def host(tmp_path):
    (tmp_path / "host").mkdir()
    with git_host(tmp_path / "host") as made:
        made.writers.add(TOKEN)
        made.repository("app")
        yield made


def publish(made, host: GitHost, number: int = 1, /, **settings: str):
    told: list[str] = []
    settings = {"repository": f"{host.url}/app.git", "token": TOKEN} | settings
    done = asyncio.run(PagesPublisher().publish(order(made, number, **settings), told.append))
    assert TOKEN not in "\n".join(told)
    return done, told


def test_the_branch_holds_the_site_alone_and_one_commit(tmp_path, host):
    host.push("app", "main", {"source.ts": "const source = 1"})
    odd = {**SITE, ".gitattributes": "* text eol=crlf\n", ".gitignore": "*\n", 'ä "q" \\.txt': "a\r\nb\n"}
    published, told = publish(bundle(tmp_path / "1", odd), host)
    files = host.files("app", "gh-pages")
    assert files["index.html"] == SITE["index.html"]
    assert files.keys() == {*odd, ".nojekyll", ".appbuilder.json", "404.html"}
    assert "Settings > Pages" in published.note
    assert any("release 1" in line for line in told)
    assert host.accounts
    assert set(host.accounts) == {"x-access-token"}

    publish(bundle(tmp_path / "2", {"index.html": "second"}), host, 2)
    assert host.files("app", "gh-pages").keys() == {"index.html", ".nojekyll", ".appbuilder.json", "404.html"}
    repository = host.folder / "app.git"
    assert git(repository, "rev-list", "--count", "gh-pages").strip() == "1"
    assert host.files("app", "main") == {"source.ts": "const source = 1"}

    asyncio.run(
        PagesPublisher().unpublish("tea-times", {"repository": f"{host.url}/app.git", "token": TOKEN}, told.append)
    )
    assert "gh-pages" not in git(repository, "branch")


def test_a_domain_is_kept_and_gitlab_gets_its_pipeline(tmp_path, host):
    made = bundle(tmp_path / "1")
    published, _ = publish(made, host, domain="tea.example.org")
    assert published.url == "https://tea.example.org/"
    assert host.files("app", "gh-pages")["CNAME"] == "tea.example.org\n"
    assert publish(made, host, 2)[0].url == "https://tea.example.org/"

    publish(made, host, host="GitLab")
    files = host.files("app", "pages")
    assert files["public/index.html"] == SITE["index.html"]
    assert "public" in files[".gitlab-ci.yml"]
    assert host.accounts[-1] == "oauth2"


def test_a_branch_of_somebody_elses_is_not_written_over(tmp_path, host):
    made = bundle(tmp_path / "1")
    host.push("app", "gh-pages", {"index.html": "theirs"})
    with pytest.raises(Conflict, match="gh-pages"):
        publish(made, host)
    assert host.files("app", "gh-pages") == {"index.html": "theirs"}
    publish(made, host, branch="site")
    with pytest.raises(Conflict, match="tea-times"):
        publish(bundle(tmp_path / "2", name="other"), host, branch="site")

    # What is pushed between the look and the push stays as well.
    def meanwhile(path: str) -> None:
        if path.endswith("service=git-receive-pack"):
            host.push("app", "site", {"index.html": "theirs"})

    host.answer = meanwhile
    with pytest.raises(Conflict, match="meantime"):
        publish(made, host, 2, branch="site")
    assert host.files("app", "site") == {"index.html": "theirs"}


@pytest.mark.parametrize("branch", ["main", "master", "-f", "a..b", "refs/heads/x.lock", "x y"])
def test_branches_that_are_refused(tmp_path, host, branch):
    with pytest.raises(InvalidInput):
        publish(bundle(tmp_path / "1"), host, branch=branch)
    assert not host.asked


def test_what_the_host_refuses_is_said_in_plain_words(tmp_path, host):
    made = bundle(tmp_path / "1")
    host.readers.add("only-reads-this-token")

    def refused(**settings: str) -> AppBuilderError:
        with pytest.raises(AppBuilderError) as error:
            publish(made, host, **settings)
        assert TOKEN not in str(error.value)
        assert error.value.hint
        return error.value

    assert isinstance(refused(token="expired-token-of-last-year"), Forbidden)
    assert "expired" in str(refused(token=""))
    assert refused(token="only-reads-this-token").reason == "no_write_right"
    assert isinstance(refused(repository=f"{host.url}/nothing.git"), NotFound)
    assert isinstance(refused(repository="http://127.0.0.1:1/app.git"), Unavailable)
    for status, kind in ((429, Unavailable), (500, Unavailable), (301, NotFound)):
        host.answer = lambda path, status=status: status
        assert isinstance(refused(), kind)
    host.answer = lambda path: 413 if path.endswith("git-receive-pack") and "?" not in path else None
    refused()
    host.answer = lambda path: None
    hook = host.folder / "app.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'GH006: Protected branch update failed' >&2\nexit 1\n")
    hook.chmod(0o755)
    assert refused().reason == "protected"
    assert "gh-pages" not in git(host.folder / "app.git", "branch")


def test_nothing_of_a_folder_runs_and_no_configuration_of_the_person_is_read(tmp_path, host, monkeypatch):
    repository = host.folder / "app.git"
    ran = tmp_path / "ran"
    for name in ("pre-receive", "update", "post-receive", "post-update", "reference-transaction"):
        hook = repository / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
        hook.chmod(0o755)
    git(repository, "config", "core.alternateRefsCommand", f"touch {ran}; true")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f'[core]\n\thooksPath = {repository}/hooks\n[url "file:///"]\n\tinsteadOf = file://\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    publish(bundle(tmp_path / "1"), host, repository=repository.as_uri())
    publish(bundle(tmp_path / "1"), host, 2, repository=repository.as_uri())
    assert json.loads(host.files("app", "gh-pages")[".appbuilder.json"])["release"] == 2
    assert not ran.exists()


def test_the_token_is_in_no_argument_and_no_file_and_stopping_ends_git(tmp_path, host):
    made = bundle(tmp_path / "1")
    publish(made, host)
    seen: list[bytes] = []

    async def stop() -> None:
        loop, reached = asyncio.get_running_loop(), asyncio.Event()
        held = asyncio.Event()

        def hold(path: str) -> None:
            if path.endswith("/git-receive-pack"):
                for process in Path("/proc").glob("[0-9]*/cmdline"):
                    try:
                        seen.append(process.read_bytes())
                    except OSError:
                        continue
                loop.call_soon_threadsafe(reached.set)
                asyncio.run_coroutine_threadsafe(held.wait(), loop).result()

        host.answer = hold
        settings = {"repository": f"{host.url}/app.git", "token": TOKEN}
        work = asyncio.create_task(PagesPublisher().publish(order(made, 2, **settings), print))
        waiting = asyncio.create_task(reached.wait())
        await asyncio.wait([work, waiting], return_when=asyncio.FIRST_COMPLETED)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        held.set()

    asyncio.run(stop())
    assert any(b"git\0" in line and b"push" in line for line in seen)
    assert not any(TOKEN.encode() in line for line in seen)
    children = [path.read_text() for path in Path(f"/proc/{os.getpid()}/task").glob("*/children")]
    assert not "".join(children).split() or "git" not in str(children)


def test_addresses():
    assert parse_remote("git@github.com:you/app.git").path == "you/app.git"
    assert parse_remote("ssh://git@example.org:22/you/app").scheme == "ssh"
    for wrong in ("", "app", "/a/path", "http://example.org/x", "ext::sh -c true", "https://a:b@example.org/x"):
        with pytest.raises(InvalidInput):
            parse_remote(wrong)
    for wrong in ("https://token@example.org/x", "--upload-pack=x", "https://example.org:port/x", "ssh://-oProxy/x"):
        with pytest.raises(InvalidInput):
            parse_remote(wrong)
