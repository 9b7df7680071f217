"""The services that run Dataform projects, behind one protocol. Each has a module or a room.

Other rooms use ``base.Service`` and the specs in ``specs``. ``action/service_factory`` lists the
services and imports the selected one.
"""
