"""The ways of isolating that the attacks are tried on, and what each is known not to stop."""

from __future__ import annotations

import os

from sandbox.conftest import isolations

KINDS = isolations(slow=bool(os.environ.get("APPBUILDER_TEST_GVISOR")))

OWN = "gVisor's own kernel gives it, inside; this machine's is not asked"

GAPS: dict[str, dict[str, str]] = {
    "gvisor": {
        "test_the_kernel_refuses[gvisor-user_namespace]": OWN,
        "test_the_kernel_refuses[gvisor-mount_namespace]": OWN,
        "test_the_kernel_refuses[gvisor-user_namespace_by_clone]": OWN,
        "test_the_kernel_refuses[gvisor-kernel_log]": OWN,
        "test_the_kernel_refuses[gvisor-ring]": OWN,
        "test_a_setting_or_device_of_the_machine_cannot_be_opened[gvisor-/dev/fuse]": OWN,
        "test_a_setting_or_device_of_the_machine_cannot_be_opened[gvisor-/dev/net/tun]": OWN,
    },
    "landlock": {
        "test_what_the_kernel_tells_about_the_whole_machine_is_hidden": "/proc is the machine's own",
    },
}
"""By kind and test: why the attack succeeds there. docs/security.md tells people the same."""
