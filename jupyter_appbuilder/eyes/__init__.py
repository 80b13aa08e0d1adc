"""Looks at apps and tries them: in a sandboxed browser, or through the person's open preview."""
