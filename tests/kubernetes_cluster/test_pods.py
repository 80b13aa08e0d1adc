"""Pods of a cluster: what goes wrong is told with the next step, and nothing is left there."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tornado import httpserver, netutil, web

from jupyter_appbuilder.errors import Unavailable
from jupyter_appbuilder.sandbox.kubernetes import KubernetesSandbox
from jupyter_appbuilder.sandbox.kubernetes.pod import POLICY, USER, label, network_policy
from jupyter_appbuilder.testing.sandboxes.subject import Subject

from .cluster import VALUE, Cluster, cluster

USERS = ("ada", "ada@example.org", "ada+example.org", "Ädä/1", "x" * 200, "-", "")


class Place:
    def __init__(self, folder: Path, there: Cluster) -> None:
        self.folder = folder
        self.there = there
        self.providers: list[KubernetesSandbox] = []
        self.subject = self.another()

    def another(self, **traits: Any) -> Subject:
        """As a server that was started anew would make it."""
        given = {"kubeconfig": str(self.there.kubeconfig), "namespace": self.there.namespace}
        self.providers.append(KubernetesSandbox(self.folder / "cache", **(given | traits)))
        return Subject(self.folder, self.providers[-1], None)  # type: ignore[arg-type]

    @property
    def pod(self) -> str:
        (name,) = self.there.machines
        return name


@asynccontextmanager
async def place(folder: Path, *, there: dict[str, Any] | None = None) -> AsyncGenerator[Place]:
    async with cluster(folder / "cluster", **(there or {})) as loopback:
        here = Place(folder, loopback)
        try:
            yield here
        finally:
            for provider in here.providers:
                await provider.close()


async def refusal(subject: Subject) -> Unavailable:
    with pytest.raises(Unavailable) as refused:
        await (await subject.create()).exec("true")
    assert refused.value.hint
    return refused.value


async def test_a_pod_that_cannot_be_is_told_and_removed(tmp_path: Path):
    async with place(tmp_path) as here:
        there = here.there
        there.quota = 0
        error = await refusal(here.subject)
        assert error.reason == "kubernetes_quota"
        assert "limited: pods=0" in error.message
        there.quota = 9
        there.pulling = lambda pod: "pull access denied"
        error = await refusal(here.subject)
        assert (error.reason, "pull access denied" in error.message) == ("kubernetes_image", True)
        there.pulling = lambda pod: ""
        there.scheduling = lambda pod: "0/3 nodes are available: 3 Insufficient memory."
        error = await refusal(here.another(start_seconds=1))
        assert (error.reason, "3 Insufficient memory" in error.message) == ("kubernetes_no_room", True)
        waiting = asyncio.create_task((await here.subject.create()).exec("true"))
        async with asyncio.timeout(20):
            while not there.pods:
                await asyncio.sleep(0.01)
            waiting.cancel()
            await asyncio.wait([waiting])
        assert not there.pods, "Cancelled while it waits for room, it is over, there too."
        there.scheduling = lambda pod: ""
        error = await refusal(here.another(memory="lots"))
        assert (error.reason, "lots" in error.message) == ("kubernetes_refused", True)
        error = await refusal(here.another(namespace="nowhere"))
        assert (error.reason, "nowhere" in str(error)) == ("kubernetes_open_network", True)
        assert not there.pods
        sandbox = await here.subject.create()
        assert (await sandbox.exec("echo at last")).stdout == "at last\n"


async def test_how_a_pod_ended_is_told_and_the_next_call_has_another(tmp_path: Path):
    async with place(tmp_path) as here:
        sandbox = await here.subject.create()
        ends: dict[str, dict[str, Any]] = {
            "it used more than its 2Gi of memory": {"reason": "OOMKilled", "code": 137},
            "the cluster evicted it (The node was low on resource: memory)": {
                "reason": "Error", "code": 137, "pod_reason": "Evicted",
                "message": "The node was low on resource: memory. ",
            },
        }  # fmt: skip
        for told, how in ends.items():
            begun = asyncio.Event()
            running = asyncio.create_task(
                sandbox.exec("echo kept > kept; echo begun; sleep 60", on_output=lambda *_, begun=begun: begun.set())
            )
            await asyncio.wait_for(begun.wait(), 30)
            await here.there.finish(here.pod, **how)
            with pytest.raises(Unavailable) as lost:
                await asyncio.wait_for(running, 30)
            assert told in lost.value.message
            assert (await sandbox.exec("cat index.html > /dev/null; echo again")).stdout == "again\n"


async def test_a_pod_that_nobody_uses_ends_by_itself_and_is_swept(tmp_path: Path):
    async with place(tmp_path) as here:
        subject = here.another(timeout=4)
        sandbox = await subject.create()
        await sandbox.exec("true")
        first = here.pod
        async with asyncio.timeout(30):
            while here.there.pods[first]["status"]["phase"] != "Succeeded":
                await asyncio.sleep(0.05)
        again = await here.another().create()
        assert first not in here.there.pods, "A server that starts removes what its user's sandboxes left."
        assert (await again.exec("echo again")).stdout == "again\n"
        assert (await sandbox.exec("echo found")).stdout == "found\n"
        assert len(here.there.machines) == 1, "It goes on with the session's pod."


async def test_nothing_of_the_server_is_in_a_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-the-server")
    async with place(tmp_path) as here:
        sandbox = await here.another(user="ada@example.org", runtime_class="gvisor").create()
        told = await sandbox.exec("env; cat ~/.appbuilder/* ~/.npmrc 2>/dev/null", env={"X": "secret-of-x"})
        (pod,) = here.there.pods.values()
        assert (pod["spec"]["runtimeClassName"], pod["spec"]["automountServiceAccountToken"]) == ("gvisor", False)
        for secret in (here.there.token, "sk-secret-of-the-server"):
            assert secret not in told.stdout + json.dumps(pod)
        assert "secret-of-x" not in json.dumps(pod)
        assert VALUE.fullmatch(pod["metadata"]["labels"][USER])
        assert here.there.policies[POLICY]["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert all(VALUE.fullmatch(label(user)) for user in USERS)
    assert len({label(user) for user in USERS}) == len(USERS)


async def test_without_a_network_policy_nothing_runs_unless_that_is_allowed(tmp_path: Path):
    async with place(tmp_path) as here:
        here.there.forbidden = {"create networkpolicies", "get networkpolicies"}
        assert not (await here.subject.provider.describe_isolation()).warning
        assert not here.there.policies, "Looking changes nothing in the cluster."
        with pytest.raises(Unavailable, match="NetworkPolicy") as refused:
            await here.subject.create()
        assert refused.value.reason == "kubernetes_open_network"
        told = await here.another(require_network_policy=False).provider.describe_isolation()
        assert "NetworkPolicy" in told.warning
        here.there.policies[POLICY] = network_policy(here.there.namespace)
        here.there.forbidden = {"create networkpolicies"}
        assert not (await here.another().provider.describe_isolation()).warning
        here.there.forbidden = {"create pods"}
        error = await refusal(here.another())
        assert error.reason == "kubernetes_forbidden"


class Page(web.RequestHandler):
    def get(self) -> None:
        self.finish("x" * 3_000_000)


async def test_code_reaches_what_was_allowed_through_the_server_alone(tmp_path: Path):
    (socket,) = netutil.bind_sockets(0, "127.0.0.1")
    server = httpserver.HTTPServer(web.Application([(r"/", Page)]))
    server.add_sockets([socket])
    host = f"127.0.0.1:{socket.getsockname()[1]}"
    fetch = (
        "import sys, urllib.request as u; "
        "o = u.build_opener(u.ProxyHandler({'http': 'http://127.0.0.1:3128'})); print(len(o.open(sys.argv[1]).read()))"
    )
    ask = ["env", "-u", "NO_PROXY", "-u", "no_proxy", "python3", "-c", fetch, f"http://{host}/"]
    async with place(tmp_path) as here:
        given = {"kubeconfig": str(here.there.kubeconfig), "namespace": here.there.namespace}
        provider = KubernetesSandbox(tmp_path / "cache", allow=[host], **given)
        here.providers.append(provider)
        refused: list[str] = []
        sandbox = await Subject(tmp_path, provider, None).create()  # type: ignore[arg-type]
        assert (await sandbox.exec(ask)).exit_code != 0, "Nothing was allowed yet."
        await sandbox.allow([], lambda host, reason: refused.append(host))
        answers = await asyncio.gather(*(sandbox.exec(ask) for _ in range(6)))
        assert [answer.stdout for answer in answers] == ["3000000\n"] * 6
        ask[-1] = "http://elsewhere.example.org/"
        assert "403" in (await sandbox.exec(ask)).stderr
        assert refused == ["elsewhere.example.org:80"]
    server.stop()


@pytest.mark.parametrize("settings", [{"newest": "v4.channel.k8s.io"}, {"agents": "v1alpha1"}, {"agents": "v1beta1"}])
async def test_older_servers_and_agent_sandbox(tmp_path: Path, settings: dict[str, str]):
    async with place(tmp_path, there=settings) as here:
        sandbox = await here.another(agent_sandbox="auto").create()
        assert (await sandbox.exec("echo out; echo err >&2; exit 7")).exit_code == 7
        assert len(here.there.sandboxes) == ("agents" in settings)
        assert (await sandbox.serve("/")).state == "ready"
        await sandbox.stop()
        assert not here.there.pods
        assert not here.there.sandboxes


async def test_without_the_extra_or_a_cluster_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(Unavailable, match="needs a namespace"):
        await KubernetesSandbox(tmp_path).describe_isolation()
    provider = KubernetesSandbox(tmp_path, namespace="sandboxes", kubeconfig=str(tmp_path / "none"))
    with pytest.raises(Unavailable, match="no way to a Kubernetes cluster") as refused:
        await provider.describe_isolation()
    assert refused.value.reason == "kubernetes_not_configured"
    (finding,) = await provider.check()
    assert not finding.ok
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    with pytest.raises(Unavailable, match="needs the package kubernetes"):
        await KubernetesSandbox(tmp_path, namespace="sandboxes").describe_isolation()
