"""Tests of the backends that produce completions."""
