"""The auditor, who replays and verifies a log without trust in any gateway.

The package has the replay, an export that needs no server, and the verification of
both.
"""
