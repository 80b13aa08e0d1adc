"""Dependencies of apps in local sandboxes: environments, shared caches, locks."""
