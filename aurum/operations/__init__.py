"""What clients may ask: operations that a tenant has registered, and when each was last asked for."""
