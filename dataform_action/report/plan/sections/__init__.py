"""The parts of the comment and the summary; ``breakage`` is also in the log and annotations."""
