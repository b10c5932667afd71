"""The words of the field: pure, no framework, no clock."""
