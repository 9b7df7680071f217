"""BigQuery's REST API, v2: jobs of the emulator's workflow invocations, tables, and dry runs.

Outside this room, ``emulator`` imports from here ``jobs_api``, ``queries`` and ``tables_api``, and
``local`` what its analyzer and its server need. https://cloud.google.com/bigquery/docs/reference/rest/v2

Where things belong:

* a method for jobs: a function and a row in the table of ``jobs_api``;
* what a job scans and uses: ``definitions``; how the API shows it: ``jobs``;
* a method for datasets and tables: ``tables_api``; what they are: ``catalog``;
* a dry run: ``queries``;
* the format of errors, and BigQuery's own reasons: ``errors``.
"""
