"""Forms of the pages: fields, what was typed, errors and signatures."""
