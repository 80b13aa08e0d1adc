"""A person's notebook as what an app begins with: read, bounded, told to an agent. Never run."""
