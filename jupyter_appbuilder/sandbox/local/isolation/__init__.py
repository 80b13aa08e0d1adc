"""Ways of keeping generated code apart from this machine, strongest first."""
