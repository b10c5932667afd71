"""Monte Carlo around curves: what their history says of how they move together. Pure; docs/scenarios/simulation.md."""
