"""Signing in at an identity provider, and the sessions of an officer."""
