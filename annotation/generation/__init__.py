"""Backends that produce completions. Only workers import this package: it may load torch."""
