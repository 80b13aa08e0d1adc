"""Ways to isolate generated code from this machine, strongest first."""
