"""`python -m benchmarks.peers.bun`: the relay and Bun in turn, and what the one costs of the other."""

from benchmarks.contenders import relay
from benchmarks.peers.bun import bun
from benchmarks.run import main

main("benchmarks.peers.bun", relay, bun)
