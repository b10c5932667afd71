"""Runs that are asked for at once: of several scenarios, sweeps and tornados; and what they have made as one thing."""
