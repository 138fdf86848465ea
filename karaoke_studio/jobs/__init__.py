"""The queue of jobs on QThreads. QtCore only."""
