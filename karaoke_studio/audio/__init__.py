"""Numbers and files of sound: read, write, quantise, measure. Never Qt, never torch."""
