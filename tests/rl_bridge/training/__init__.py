"""Tests of the trainers, one file each, and of what they share."""
