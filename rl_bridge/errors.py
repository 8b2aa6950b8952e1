"""The ancestor of every error that rl_bridge raises on purpose; each lives beside what raises it."""


class BridgeError(Exception):
    """Something a person can put right; its text is one sentence that names the file, row or setting."""
