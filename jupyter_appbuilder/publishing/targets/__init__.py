"""Where releases go besides this server. Each is a ``publishing.base.Publisher``, found by its entry point."""
