"""Kubernetes through its real client, the cluster on loopback."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from kubernetes_cluster.cluster import cluster

from jupyter_appbuilder.sandbox.kubernetes import KubernetesSandbox
from jupyter_appbuilder.sandbox.kubernetes.pod import SESSION
from jupyter_appbuilder.testing.sandboxes import SandboxSuite, Subject

pytestmark = pytest.mark.walk


class TestKubernetes(SandboxSuite):
    @asynccontextmanager
    async def subject(self, folder: Path) -> AsyncGenerator[Subject]:
        """Lost: somebody deletes the pod."""
        async with cluster(folder / "cluster") as there:

            async def lose(sandbox: Any) -> None:
                for name, pod in list(there.pods.items()):
                    if pod["metadata"]["labels"][SESSION] == sandbox.session and name in there.pods:
                        await there.delete(name)

            given = {"kubeconfig": str(there.kubeconfig), "namespace": there.namespace}
            provider = KubernetesSandbox(folder / "cache", **given)
            try:
                yield Subject(folder, provider, lose)
            finally:
                await provider.close()
                assert not there.pods, "Something was left running in the cluster."
