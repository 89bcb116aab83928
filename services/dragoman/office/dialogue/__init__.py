"""Dialogue: issues, reports of talks, and their roadmap."""
