"""Whether a training helped: policies by their answers, process reward models and judges by the errors they find.

`intervals`, `pass_rates`, `first_errors` and `confidence` are pure numbers; `sampling` and `scorers` load torch;
`command` is `python -m rl_bridge evaluate`.
"""
