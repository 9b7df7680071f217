"""Google Cloud Dataform's REST API, v1 and v1beta1, for repositories that a test defines.

The emulator uses ``api`` (the API itself), ``repository`` and ``parameters.Pager``; no other room
imports from here. https://docs.cloud.google.com/dataform/reference/rest

Where things belong:

* a new method: a function and a row in ``methods``; its implementation, in ``repository`` and the
  modules that it uses;
* a field of a request: ``request_bodies``; of a response: the ``render`` function of its resource;
* what a test may define: ``definitions`` of the emulator;
* an error: ``ApiError`` of ``errors``, raised where its rule is. A comment marks the responses that
  the service's documentation leaves open.
"""
