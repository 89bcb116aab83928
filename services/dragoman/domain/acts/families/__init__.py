"""Acts by family, pure: the rules of one family a module."""
