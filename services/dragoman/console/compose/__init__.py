"""Pages on which an act is written, checked and sent."""
