"""Child processes: the parent side (host), the child's loop (child) and its tasks. No Qt."""
