"""Capacity planning: what a workload will cost on machines like one that was measured. The model is in docs/capacity.md."""
