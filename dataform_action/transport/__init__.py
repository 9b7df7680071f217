"""One JSON exchange with an API over HTTP: sent once, bounded in time and size, and classified.

Others use ``client.Transport``, ``response.Json`` and its parsers. Only this room imports
``requests``.
"""
