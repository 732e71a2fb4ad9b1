"""The data types that the other packages share.

Values here are frozen and the code is pure: no I/O, clock, environment or randomness. A type belongs here only when two
packages use it; a type that one package uses stays there. Nothing here knows a particular kind of resource.
"""
