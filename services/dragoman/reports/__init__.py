"""Reports that are generated from the log: gathered into shapes, laid out as papers, written as Markdown or shown as pages."""
