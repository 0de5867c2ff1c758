"""Python clients of the relay. They import nothing of the server, and need no compiled core."""
