"""Benchmarks: `afnlab bench NAME` prints ratios against a named peer, measured in one run."""
