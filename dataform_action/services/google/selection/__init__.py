"""Google Cloud Dataform: which actions of a compilation are run.

``request`` selects them by the inputs, and ``rerun`` by the outcome of an earlier run.
"""
