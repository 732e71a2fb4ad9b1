"""One file a verb, each read top to bottom like a sentence; the only stair between the rooms of the floor below.

It composes and decides nothing itself: what a change means is planning's, what may be sent is applying's.
"""
