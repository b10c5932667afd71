"""What follows from curves: pure functions on vectors. Nothing here reads, waits or knows a framework."""
