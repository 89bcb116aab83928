"""How the pages show acts, times, deadlines and texts."""
