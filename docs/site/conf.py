"""The settings of Sphinx for the documentation site. `docs/site/build.py` uses them."""

from pathlib import Path

from dragoman import __version__

project = "Dragoman"
version = release = __version__
extensions = ["myst_parser"]
root_doc = "index"
nitpicky = True
smartquotes = False  # `--option` outside of code would lose its hyphens
highlight_language = "text"

myst_heading_anchors = 6  # links to headings are written as code hosts have them
myst_links_external_new_tab = False

html_theme = "furo"
html_title = f"Dragoman {__version__}"
html_static_path = [str(Path(__file__).parent / "static")]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_use_index = False
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_show_sphinx = False
