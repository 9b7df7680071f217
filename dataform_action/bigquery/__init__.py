"""BigQuery's REST API, v2: what the jobs of a run scanned and used.

https://cloud.google.com/bigquery/docs/reference/rest/v2. The action imports this room only for
``costs: true``.
"""
