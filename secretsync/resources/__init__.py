"""Custom resources: text becomes validated, frozen values.

One file per resource. Every problem names file, line, object, field and remedy;
parsing one object never depends on another. Imports only names from `providers`.
"""
