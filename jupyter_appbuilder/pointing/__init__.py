"""What a person pointed at in the app's page: read, found in the app's files, told to the agent."""

from .changes import is_literal, text_edit
from .claims import MOST, Claim, Position, read_claim, read_claims
from .places import described, found
from .styles import Styles, style_edit, styles
from .telling import named, told

__all__ = [
    "MOST",
    "Claim",
    "Position",
    "Styles",
    "described",
    "found",
    "is_literal",
    "named",
    "read_claim",
    "read_claims",
    "style_edit",
    "styles",
    "text_edit",
    "told",
]
