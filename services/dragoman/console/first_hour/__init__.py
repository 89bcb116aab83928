"""The first hour of a person: a checklist of the role, and the five-minute drill."""
