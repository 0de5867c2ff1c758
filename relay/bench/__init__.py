"""The load generator as a program: what to load, how to measure it, what to make of it. `relay bench` and the benchmarks use it.

`relay._load` moves the messages; nothing here runs per message or per delivery.
"""
