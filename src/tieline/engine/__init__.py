"""The engine: pure functions from trees, policies and decisions to orders."""
