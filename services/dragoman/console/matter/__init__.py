"""A matter as several pages show it: its message, its headline, and its panels."""
