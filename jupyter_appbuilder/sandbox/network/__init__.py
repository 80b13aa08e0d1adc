"""What code in a sandbox may reach: hosts, registries, the way out."""
