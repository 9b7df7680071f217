"""Check the workflows, those in README included."""
