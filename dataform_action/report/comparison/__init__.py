"""The comparison with earlier runs: ``words`` for all places, ``section`` for the summary."""
