"""Measurements against the peers, each run by hand: ``python -m benchmarks.ingest``. The service never calls them."""
