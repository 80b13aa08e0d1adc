"""Text and JSON that every reader takes."""
