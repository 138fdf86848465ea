"""Sound out: the player and the output stream. Plain Python, no Qt."""
