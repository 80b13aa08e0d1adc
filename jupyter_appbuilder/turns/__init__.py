"""What the log says of turns: what was asked, in which mode, which plans came of it."""
