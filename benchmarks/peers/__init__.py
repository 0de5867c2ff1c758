"""Other servers under the same load, each pinned to a version and installed by its own package manager."""
