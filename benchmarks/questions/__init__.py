"""The questions of the page, one module each: ``answer`` measures, and returns Markdown."""
