"""Build the pages of the library's interface, and screenshots of job summaries."""
