"""Documents: pages and papers as blocks of runs, drawn as HTML and as Markdown.

    Section("The channel", (Table(head, rows),))

A run is the service's own words or a side's (`members/runs.py`). What a page and a
paper say of a thing is one block, so the two cannot differ.
"""
