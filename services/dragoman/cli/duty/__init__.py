"""Commands about duty: the ways to reach an officer, and the roster of a side."""
