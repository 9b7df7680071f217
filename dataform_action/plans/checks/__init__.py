"""The check of one action by a dry run, and what several checks need. ``validation`` uses it.

Where things belong:

* the parts of SQL text that matter here: ``statements``, ``references``;
* the query that is sent: ``shadows``;
* columns and keys: ``schemas``;
* requests, and their order on several threads: ``requests``, ``order``;
* the verdict on an action: ``action``, with what is known of the base (``baseline``), what a
  dry run says (``judgement``), and ``causes``.
"""
