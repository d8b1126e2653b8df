"""The runner: pull, plan, apply. Does the I/O, decides nothing."""
