"""`python -m benchmarks`: the whole table for the relay alone."""

from benchmarks.run import main

main()
