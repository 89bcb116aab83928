"""Incidents: announced events, people, passing on, and the sea chart."""
