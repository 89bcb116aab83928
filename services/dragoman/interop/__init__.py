"""Other people's formats: pure writers and readers of what officers' other tools speak."""
