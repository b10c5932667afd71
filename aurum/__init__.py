"""Aurum: a GraphQL-first analytics server for energy-market forward curves."""

__version__ = "0.1.0"
