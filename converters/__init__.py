"""Foreign formats: one module each, with `read(path) -> Program` and `write(program, path)`.

`load` recognises a file by its content, `save` chooses the format by the suffix.
"""

from neurodeploy.converters.files import load, save

__all__ = ["load", "save"]
