"""Meetings: their list, calendar and page."""
