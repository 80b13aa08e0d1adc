"""The ways of isolating that the attacks are tried on, and what each is known not to stop."""

from __future__ import annotations

from sandbox.conftest import isolations

KINDS = isolations()

GAPS: dict[str, dict[str, str]] = {
    "landlock": {
        "test_what_the_kernel_tells_about_the_whole_machine_is_hidden": "/proc is the machine's own",
    },
}
"""By kind and test: why the attack succeeds there. docs/security.md tells people the same."""
