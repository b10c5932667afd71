"""Many objects completed together, column by column."""
