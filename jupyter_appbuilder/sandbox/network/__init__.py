"""Network access of sandboxed code: hosts, registries, the proxy."""
