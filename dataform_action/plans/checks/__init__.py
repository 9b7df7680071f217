"""The check of one action by a dry run, and what several checks need. ``validation`` uses it.

Where things belong:

* SQL text without a parser: ``statements``, ``references``; the queries of an action: ``queries``;
* the query that is sent: ``shadows``;
* columns and keys: ``schemas``;
* requests: ``requests``;
* what a dry run of the queries does not check: ``gaps``;
* the check of an action: ``action``, with what is known before (``baseline``), what one dry run
  says (``judgement``), ``causes``, and the result (``finding``).
"""
