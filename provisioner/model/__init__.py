"""The nouns of the project, on a floor of their own.

Values here are frozen and pure: no I/O, clock, environment or randomness. A noun enters this room only when two
rooms speak it; a noun of one room stays there. Nothing here knows a particular kind of resource.
"""
