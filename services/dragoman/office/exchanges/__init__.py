"""Exchanges: their lists, pages, acts, drafts, files and public releases."""
