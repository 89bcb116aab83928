"""Forms of the pages: types of fields, parsers, errors, choices and signatures."""
