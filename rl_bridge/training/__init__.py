"""Trainers, one file each, and what they share: settings, plan, run folder, checkpoints.

`settings`, `kinds`, `options` and `plan` load no torch, so that a wrong word or a changed file is said at once. A new
trainer is a settings class in `kinds.KINDS` and a module of that kind's name with a function `train(plan)`.
"""
