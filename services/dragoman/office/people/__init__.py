"""People: contacts, and the register of people whom acts name by id."""
