"""HTTP as the API and the pages share it: requests, posts, limits and problems."""
