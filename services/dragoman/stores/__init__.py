"""Shared state beside the log: tokens, sessions, drafts, files, people, heads, keys."""
