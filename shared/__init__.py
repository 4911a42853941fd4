"""The domain: forms, units, periods, rules, indicators, labels and sealing, all driven by the YAML under ``data/``.

It imports nothing else of Sen and does no input or output but reading its own YAML, so that the tablet, the server and the tests share one
meaning of every word.
"""
