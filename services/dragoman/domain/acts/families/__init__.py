"""The pure rules of acts, one module a family."""
