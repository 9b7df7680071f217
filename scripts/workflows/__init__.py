"""Check the workflows, those in the documents included."""
