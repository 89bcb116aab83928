"""The frame of the pages: dispatch, layout, forms, display, charts and search."""
