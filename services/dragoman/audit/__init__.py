"""The auditor, who replays a log and believes nobody: a replay, an export that needs no server, and the verification of either."""
