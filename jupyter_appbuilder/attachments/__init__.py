"""Files that a person hands in with a message."""
