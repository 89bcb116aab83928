"""The pure rules of the acts: their actors, their conditions, and their effects."""
