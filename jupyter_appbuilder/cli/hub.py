"""``jupyter appbuilder hub``: the service for everybody on a JupyterHub."""

from __future__ import annotations

import asyncio
from argparse import Namespace

from .terminal import Terminal


def serve(args: Namespace, terminal: Terminal) -> int:
    from ..hub.service import HubService

    service = HubService()
    service.initialize([f"--config={args.config}"] if args.config else [])
    asyncio.run(service.run())
    return 0
