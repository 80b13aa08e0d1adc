"""Sandboxes away from this machine: what those of every cloud have in common."""
