"""From exports to models: verifiers, rewards, process reward models and training, with nothing of the web.

Runs alone on a machine that has only `rl_bridge/requirements.txt`. Importing this package,
`rl_bridge.verifiers` or `rl_bridge.manifest` never loads torch, because the web process imports them.
"""

import os

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # TRL tells the Hub about each training otherwise
