"""What the API and the pages share: the running service, the command handler, and what holds before a post."""
