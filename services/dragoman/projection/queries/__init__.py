"""Queries of the read model, one module a kind of question."""
