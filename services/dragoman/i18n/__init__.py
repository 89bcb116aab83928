"""Texts for people in three languages: words, the log's vocabulary, the catalogues."""
