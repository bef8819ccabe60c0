"""What conversion changed: the network in floats against the Program made of it."""
