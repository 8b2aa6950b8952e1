"""Reads that span models, a file a subject; what a person may see is decided in the query itself."""
