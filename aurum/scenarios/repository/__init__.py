"""Scenarios that are kept: every version, who said so and why."""
