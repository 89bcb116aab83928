"""Agreements: undertakings, mechanisms, and their part of an exchange's page."""
