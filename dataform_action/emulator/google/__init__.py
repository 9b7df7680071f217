"""Google Cloud Dataform's REST API, v1 and v1beta1.

https://docs.cloud.google.com/dataform/reference/rest

Where things belong:

* a new method: a function and a row in ``methods``; what it does, in ``store`` and its parts;
* a field of a request: ``bodies``; of an answer: the ``render`` function of its resource;
* what a test may define: ``definitions``;
* an error: ``ApiError`` of ``rpc``, raised where its rule is. A comment marks the answers that the
  service's documentation leaves open.
"""
