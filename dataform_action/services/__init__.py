"""The services that run Dataform projects, behind one protocol: one module or room for each.

Others use ``base.Service`` and ``specs.SERVICES``; the service factory imports the service that
was chosen.
"""
