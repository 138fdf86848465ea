"""Fits the judge of a split to songs whose stems are known."""
