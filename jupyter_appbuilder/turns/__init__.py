"""Turns, read from the log: requests, modes and plans."""
