"""What exists: the curve catalogue, and what its curves are priced in, delivered by and located at."""
