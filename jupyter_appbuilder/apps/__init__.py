"""A running app: its sandbox, dev server and network; the sandboxes of a process."""
