"""Load runs and micro-benchmarks; docs/performance.md says how to run them and how to read them."""
