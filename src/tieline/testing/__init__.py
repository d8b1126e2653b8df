"""For authors of connectors: an in-memory system, faults, the contract suite, simulation."""
