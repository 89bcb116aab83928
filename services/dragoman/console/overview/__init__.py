"""Pages over all channels of a reader."""
