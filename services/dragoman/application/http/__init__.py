"""HTTP as the API and the pages share it: requests, posts, conditional answers, problems and limits."""
