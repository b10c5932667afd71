"""What if: drivers over curves, runs, comparison."""
