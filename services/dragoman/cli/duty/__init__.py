"""Commands about the duty of an officer: how the officer is reached."""
