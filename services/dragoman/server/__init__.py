"""The web server: joins the API and the pages into one application."""
