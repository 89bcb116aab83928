"""Auditing: the log, its records, evidence, reports and statistics."""
