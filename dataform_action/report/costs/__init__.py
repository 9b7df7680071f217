"""What a run scanned and used, as text: ``words`` for all places, ``section`` for the summary."""
