"""Rows from files and data sets → prompts and rated traces. Plain data in and out; only hub_rows loads `datasets`."""
