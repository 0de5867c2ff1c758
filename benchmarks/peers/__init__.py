"""Servers that the relay is measured against: small programs of ours, each written as its library's documentation advises."""
