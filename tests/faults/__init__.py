"""Fault runs: what breaks programs like this one, done to it on purpose; see `__main__`."""
