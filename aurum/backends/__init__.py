"""Engines and clients, each with an embedded form; no domain in them."""
