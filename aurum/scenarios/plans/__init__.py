"""From drivers to what they do to the curves at hand."""
