"""Foreign formats: one module each, with `read(path) -> Program` and `write(program, path)`."""
