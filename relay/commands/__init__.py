"""The commands that are clients: each in a file of its own, and what they share."""
