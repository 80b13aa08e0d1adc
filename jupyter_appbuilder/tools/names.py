"""Tools that others than who offers them know by name."""

CHECK = "check_app"
"""Says whether the app works: the loop runs it where the agent forgot to."""
