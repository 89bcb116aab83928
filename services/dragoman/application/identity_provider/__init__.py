"""The OIDC provider of this host: its documents and keys, and officers who sign in."""
