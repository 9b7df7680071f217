"""BigQuery's REST API, v2: the jobs of the emulator's workflow invocations.

Outside this room, only ``emulator`` imports from here: ``api``.
https://cloud.google.com/bigquery/docs/reference/rest/v2

Where things belong:

* a new method: a function and a row in the table of ``api``;
* what a job scans and uses: ``definitions``; how the API shows it: ``jobs``;
* the format of errors: ``errors``.
"""
