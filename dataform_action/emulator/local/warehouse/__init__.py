"""Executes workflow invocations in a BigQuery server.

``execution`` runs the actions of an invocation in the order that ``schedule`` finds. ``scripts``
makes the SQL of an action as the Dataform CLI does, and ``server`` sends it.
"""
