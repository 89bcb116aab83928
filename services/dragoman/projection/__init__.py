"""The read model: logs folded into one SQLite file per process, which may be deleted at any time."""
