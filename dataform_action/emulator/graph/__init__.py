"""Projects as Dataform's compiler returns them: compiled graphs, and what a request changes."""
