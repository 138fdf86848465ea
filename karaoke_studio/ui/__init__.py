"""Widgets only: no arithmetic on audio, no SQL, no torch."""
