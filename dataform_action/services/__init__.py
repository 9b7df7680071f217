"""The services that run Dataform projects, behind one protocol: one module or room for each.

Others use ``base.Service`` and the specs in ``specs``. ``action/service_factory`` lists the
services and imports the one that was chosen.
"""
