"""Runs of scenarios: queued, computed once in processes, kept as curves."""
