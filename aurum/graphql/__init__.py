"""The GraphQL toolkit: knows no domain."""
