"""Rooms of office work, each with the queries, routes and pages of one kind."""
