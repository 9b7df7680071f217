"""Make the pages of the library's interface, and the pictures of job summaries."""
