"""The programs of the release workflow, and their rehearsal."""
