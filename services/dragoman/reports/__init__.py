"""Reports that are generated from the log.

Facts are gathered into shapes, which are laid out as documents. A document is written
as Markdown or shown as a page.
"""
