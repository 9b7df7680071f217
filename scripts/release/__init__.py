"""The programs that the release workflow starts, and their rehearsal."""
