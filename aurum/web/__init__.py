"""What people look at in a browser: static files in the package, served as they are."""
