"""`python -m benchmarks`: the whole table for the relay alone."""

from benchmarks.contenders import relay
from benchmarks.run import main

main("benchmarks", relay)
