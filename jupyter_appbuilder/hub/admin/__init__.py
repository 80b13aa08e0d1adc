"""The administrator's pages: HTML from the service, without a script."""
