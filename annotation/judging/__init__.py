"""Judges, one file each. Only workers import this package: it may load torch."""
