"""Charts as plain geometry: numbers in, shapes with CSS classes out. No Django, no colours, only the caller's words."""
