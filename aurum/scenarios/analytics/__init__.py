"""Arithmetic of scenarios on vectors. Sums are in a stated order, so that every machine has the same bits."""
