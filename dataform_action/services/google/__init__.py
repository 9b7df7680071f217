"""Google Cloud Dataform, version 1 of its API: requests, responses and rules.

Other rooms use ``service.GoogleDataform`` and ``enrich.GITHUB_URL``.
"""
