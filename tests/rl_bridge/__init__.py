"""Tests of rl_bridge; none of them needs Django."""
