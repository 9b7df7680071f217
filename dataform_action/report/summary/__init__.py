"""The job summary, as Markdown: one module for each part of the page.

Others use ``document.render_summary``.
"""
