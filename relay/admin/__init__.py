"""The operator's side: what a running relay tells of itself, and what it can be told to do."""
