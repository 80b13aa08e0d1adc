"""Text and JSON in forms that every reader accepts."""
