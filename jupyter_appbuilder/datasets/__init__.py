"""Data that a person hands to an app: one Parquet file for each dataset, and what is known of it without its rows."""
