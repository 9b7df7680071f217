"""Dataform runs in Airflow and Luigi.

Each integration needs its own extra. They use the public library, nothing else in the package
imports them, and the image does not contain them.
"""
