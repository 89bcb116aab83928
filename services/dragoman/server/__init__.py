"""The web server: it joins the API and the pages into one application."""
