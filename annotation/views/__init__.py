"""Pages: load, authorise, validate, one action, render."""
