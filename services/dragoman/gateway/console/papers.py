"""Reports as pages of their own, to be read and printed: they have no script and no form."""

from aiohttp import web

from dragoman.gateway.console import words as languages
from dragoman.gateway.console.page import PAPER_POLICY, Preferences, html, rendered
from dragoman.reports.paper import Paper


def page(paper: Paper, headers: dict[str, str]) -> web.Response:
    """A report as a page. Its own words are English, whoever reads it; the sides' stand as they were written."""
    text = rendered(None, languages.words("en"), "report.html", paper=paper, registry=paper.of, preferences=Preferences(), frame=None)
    return html(text, headers={**headers, "Content-Security-Policy": PAPER_POLICY})
