"""The version, by itself: whoever needs only that does not import the rest."""

__version__ = "0.1.0"
