"""The tests mirror the source; see docs for how to run them."""
