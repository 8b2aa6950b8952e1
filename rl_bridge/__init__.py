"""From exports to models: verifiers, rewards, process reward models and training, with nothing of the web.

Runs alone on a machine that has only `rl_bridge/requirements.txt`. Importing this package,
`rl_bridge.verifiers` or `rl_bridge.manifest` never loads torch, because the web process imports them.
"""
