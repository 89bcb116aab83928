"""The pages: what officers, auditors and administrators see and press, in three languages, with scripts and without."""
