"""Google Cloud Dataform, version 1 of its API: requests, responses and rules.

Others use ``service.GoogleDataform`` and ``source_links.GITHUB_URL``.
"""
