"""Displays of acts, times, deadlines and texts for the console's pages."""
