"""BigQuery's REST API, v2: what the jobs of a run scanned and used, and the check of SQL.

https://cloud.google.com/bigquery/docs/reference/rest/v2. A run imports this room only for
``costs: true``. The plan job uses ``warehouse``.
"""
