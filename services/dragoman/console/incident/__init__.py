"""Pages and panels of incidents and announced events: windows, people, passing on."""
