"""From a configuration to what is known about a network: train, lower, verify, write."""
