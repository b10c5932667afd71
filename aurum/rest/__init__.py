"""The legacy endpoints, a shim: each executes a document on the one schema and reads no store itself."""
