"""Rules of the acts, pure: who may send each, when, and what it changes."""
