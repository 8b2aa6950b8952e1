"""Tables: one description of columns, filters and rows for each list; shown as a page of HTML or written as CSV."""
