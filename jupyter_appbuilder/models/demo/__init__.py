"""The recorded demo model: conversations that are played back, so that everything can be tried without a key."""
