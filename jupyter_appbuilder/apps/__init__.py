"""An app as it runs: its sandbox and dev server, its network, the sandboxes of a process."""
