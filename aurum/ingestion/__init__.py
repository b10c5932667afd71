"""How it got here: files, runs and what was found in them."""
