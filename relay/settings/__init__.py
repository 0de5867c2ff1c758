"""The settings: which there are, what their values may be, where they come from, and how they are told in words.

`config` says which there are; what reads it never learns whether a file, a variable or a flag gave a value.
"""
