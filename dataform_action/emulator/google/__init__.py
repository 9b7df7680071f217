"""Google Cloud Dataform's REST API, v1 and v1beta1, for repositories that a test defines.

Outside this room, only ``emulator`` imports from here: ``api`` (the API itself), ``repository``,
``invocation_spec`` and ``parameters.Pager``. The rooms of other APIs share the errors.

https://docs.cloud.google.com/dataform/reference/rest

Where things belong:

* a new method: a function and a row in ``methods``; its implementation in ``repository`` and the
  modules that it uses;
* a field of a request: ``request_bodies``; a field of a response: the ``render`` function of its
  resource, or ``actions``;
* what a test can define: the emulator's ``definitions``;
* an error: ``errors.ApiError``, raised where its rule is. A comment marks responses that the
  service does not document.
"""
