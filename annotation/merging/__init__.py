"""The merge: ratings, judge scores and comparisons in; posteriors, preferences and diagnostics out. Pure numpy."""
