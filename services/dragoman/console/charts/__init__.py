"""Charts of the console's pages as inline SVG."""
