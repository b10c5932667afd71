"""Prices to take away: one selection, the same rows as CSV, workbook, Parquet or Arrow; at once or as a job."""
