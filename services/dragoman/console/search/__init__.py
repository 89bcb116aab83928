"""The search: one field on every page, and the page of what it leads to."""
