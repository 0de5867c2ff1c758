"""Helpers shared by the tests: a relay in a process of its own, and clients that owe nothing to the code under test."""
