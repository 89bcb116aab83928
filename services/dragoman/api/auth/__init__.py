"""Authentication: who calls."""
