"""What the files of a run folder say, as records: parsed once, where the JSON is read.

What an older file lacks has a default, documented with its field.
"""
