def race_lava(repeats): return [], {}
