"""Arabic, with our own numbers."""
