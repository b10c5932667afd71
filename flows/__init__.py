"""Prefect flows: they start Aurum's use cases and show them to operators; they hold no logic of their own."""
