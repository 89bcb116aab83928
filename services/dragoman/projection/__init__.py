"""The read model: logs folded into one SQLite file a process, which may be deleted."""
