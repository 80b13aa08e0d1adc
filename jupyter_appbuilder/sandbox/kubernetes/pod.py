"""A session's pod: how it is made, and what its status means in words."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from ..cloud.machine import FOLDER

OWNER = "app.kubernetes.io/managed-by"
OURS_HERE = "jupyter-appbuilder"
SESSION = "appbuilder.jupyter.org/session"
USER = "appbuilder.jupyter.org/user"
TEMPLATE = "appbuilder.jupyter.org/template"
CONTAINER = "app"
POLICY = "appbuilder-sandboxes"
AGENTS = "agents.x-k8s.io"

HOME = "/home/user"
ALIVE = f"{HOME}/.appbuilder/alive"
USER_ID = 1000

INIT = f"""
import os, signal, time
begun = time.time()
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
while True:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
    try:
        seen = os.stat("{ALIVE}").st_mtime
    except OSError:
        seen = begun
    if time.time() - seen > float(os.environ["APPBUILDER_IDLE"]):
        os._exit(0)
    time.sleep(1)
"""
"""The pod's first process: reaps what is left, and ends the pod when nobody has asked for it for so long. So a pod of a
server that is gone ends by itself."""

_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def label(text: str) -> str:
    """``text`` as the value of a label; what no label can hold is told apart by its hash."""
    if _LABEL.fullmatch(text):
        return text
    plain = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:40].strip("-")
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
    return f"{plain}-{digest}".lstrip("-")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an administrator configured of all pods."""

    namespace: str
    image: str
    idle_seconds: int
    longest_seconds: int
    memory: str
    memory_request: str
    cpu: str
    cpu_request: str
    disk: str
    runtime_class: str = ""
    node_selector: Mapping[str, str] | None = None
    tolerations: Sequence[Mapping[str, Any]] = ()
    pull_secrets: Sequence[str] = ()
    labels: Mapping[str, str] | None = None


def manifest(
    wanted: Wanted, *, session: str, user: str, template: str, folders: Sequence[str], environment: Mapping[str, str]
) -> dict[str, Any]:
    """The pod of a session. It has no token of the cluster, no secret and no port; ``folders`` are written to once."""
    places = {"home": HOME, "workspace": FOLDER, "tmp": "/tmp"}
    places |= {f"lent-{number}": folder for number, folder in enumerate(folders)}
    limits = {"memory": wanted.memory, "cpu": wanted.cpu, "ephemeral-storage": wanted.disk}
    requests = {"memory": wanted.memory_request, "cpu": wanted.cpu_request}
    given = {
        **environment,
        "HOME": HOME,
        "USER": "user",
        "LANG": "C.UTF-8",
        "APPBUILDER_IDLE": str(wanted.idle_seconds),
    }
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "activeDeadlineSeconds": wanted.longest_seconds,
        "terminationGracePeriodSeconds": 2,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "runAsGroup": USER_ID,
            "fsGroup": USER_ID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": CONTAINER,
                "image": wanted.image,
                "command": ["python3", "-E", "-s", "-c", INIT],
                "workingDir": HOME,
                "env": [{"name": name, "value": value} for name, value in given.items()],
                "resources": {"limits": limits, "requests": requests},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "privileged": False,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": name, "mountPath": place} for name, place in places.items()],
            }
        ],
        "volumes": [{"name": name, "emptyDir": {"sizeLimit": wanted.disk}} for name in places],
    }
    if wanted.runtime_class:
        spec["runtimeClassName"] = wanted.runtime_class
    if wanted.node_selector:
        spec["nodeSelector"] = dict(wanted.node_selector)
    if wanted.tolerations:
        spec["tolerations"] = [dict(one) for one in wanted.tolerations]
    if wanted.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in wanted.pull_secrets]
    ours = {OWNER: OURS_HERE, SESSION: label(session), USER: label(user), TEMPLATE: label(template)}
    name = f"appbuilder-{secrets.token_hex(8)}"
    metadata = {"name": name, "namespace": wanted.namespace, "labels": {**(wanted.labels or {}), **ours}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def as_agent_sandbox(pod: Mapping[str, Any], version: str, longest_seconds: int) -> dict[str, Any]:
    """The same as a resource of agent-sandbox, whose controller makes the pod, under the same name."""
    ends = datetime.now(UTC) + timedelta(seconds=longest_seconds)
    labels = pod["metadata"]["labels"]
    return {
        "apiVersion": f"{AGENTS}/{version}",
        "kind": "Sandbox",
        "metadata": dict(pod["metadata"]),
        "spec": {
            "podTemplate": {"metadata": {"labels": labels}, "spec": pod["spec"]},
            "shutdownTime": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "shutdownPolicy": "Delete",
        },
    }


def network_policy(namespace: str) -> dict[str, Any]:
    """Nothing reaches our pods, and they reach nothing: what they may, goes through the server that uses them."""
    metadata = {"name": POLICY, "namespace": namespace, "labels": {OWNER: OURS_HERE}}
    spec = {"podSelector": {"matchLabels": {OWNER: OURS_HERE}}, "policyTypes": ["Ingress", "Egress"]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


# What a status means


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a pod does not come up, or has ended, and what to do about it."""

    message: str
    hint: str
    reason: str


_IMAGE = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
_CONFIG = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff"}


def runs(pod: Mapping[str, Any]) -> bool:
    state = _status(pod)
    return state.get("phase") == "Running" and "running" in _container(pod).get("state", {}) and not ending(pod)


def ending(pod: Mapping[str, Any]) -> bool:
    """It was deleted, or has ended."""
    return "deletionTimestamp" in pod.get("metadata", {}) or _status(pod).get("phase") in ("Succeeded", "Failed")


def hopeless(pod: Mapping[str, Any]) -> Trouble | None:
    """Why a pod that does not run yet will not, as far as its status tells."""
    waiting = _container(pod).get("state", {}).get("waiting", {})
    reason, told = str(waiting.get("reason", "")), _line(waiting.get("message", ""))
    image = pod["spec"]["containers"][0].get("image", "")
    if reason in _IMAGE:
        return Trouble(
            f"The cluster cannot get the sandbox's image {image!r}: {told or reason}.",
            "Correct c.KubernetesSandbox.image, or c.KubernetesSandbox.image_pull_secrets for a private registry.",
            "kubernetes_image",
        )
    if reason in _CONFIG:
        return Trouble(
            f"The sandbox's container does not start: {told or reason}.",
            "The image needs python3 and bash, and must start as the user 1000: see docs/sandboxes.md.",
            "kubernetes_container",
        )
    return ended(pod)


def ended(pod: Mapping[str, Any]) -> Trouble | None:
    """Why a pod ended; None where it goes on."""
    state, told = _status(pod), _line(_status(pod).get("message", ""))
    finished = _container(pod).get("state", {}).get("terminated", {})
    if finished.get("reason") == "OOMKilled":
        limit = pod["spec"]["containers"][0].get("resources", {}).get("limits", {}).get("memory", "")
        return Trouble(
            f"it used more than its {limit} of memory",
            "Let the app use less, or raise c.KubernetesSandbox.memory.",
            "kubernetes_out_of_memory",
        )
    if state.get("reason") == "Evicted":
        return Trouble(
            f"the cluster evicted it ({told or 'no reason given'})",
            "Let the app write and use less, or raise c.KubernetesSandbox.disk and memory_request.",
            "kubernetes_evicted",
        )
    if state.get("reason") == "DeadlineExceeded":
        return Trouble(
            "it had run as long as a sandbox may",
            "c.KubernetesSandbox.longest_seconds says how long.",
            "kubernetes_ended",
        )
    if state.get("phase") in ("Succeeded", "Failed"):
        why = told or _line(finished.get("message") or finished.get("reason") or "")
        idle = state.get("phase") == "Succeeded"
        return Trouble(
            "nobody had used it for a while" if idle else why or "it failed", "Try again.", "kubernetes_ended"
        )
    if "deletionTimestamp" in pod.get("metadata", {}):
        return Trouble("it was deleted in the cluster", "Try again.", "kubernetes_ended")
    return None


def waits_for(pod: Mapping[str, Any]) -> tuple[str, str]:
    """What a pod that does not run yet waits for, in words, and the scheduler's own."""
    for condition in _status(pod).get("conditions", []):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return "Waiting for room in the cluster", _line(condition.get("message", ""))
    reason = _container(pod).get("state", {}).get("waiting", {}).get("reason", "")
    if reason == "ContainerCreating":
        return "Fetching the sandbox's image, if it is not there yet", ""
    return "Starting a pod for the sandbox", ""


def _status(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    return pod.get("status") or {}


def _container(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    statuses = cast("list[Mapping[str, Any]]", _status(pod).get("containerStatuses") or [])
    return next((one for one in statuses if one.get("name") == CONTAINER), statuses[0] if statuses else {})


def _line(text: object) -> str:
    return " ".join(str(text).split())[:300].rstrip(".")
