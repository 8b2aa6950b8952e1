"""How good ratings and judges are, as numbers with intervals. Pure numpy: rows in, frozen reports out."""
