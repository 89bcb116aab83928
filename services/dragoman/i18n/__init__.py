"""What is said to people, in the three languages: words, the vocabulary of the log, and the catalogues."""
