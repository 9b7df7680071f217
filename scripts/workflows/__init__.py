"""Check the workflows, including those in the documents."""
