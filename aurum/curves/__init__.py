"""What it costs: curves by as-of date, every version of them kept."""
