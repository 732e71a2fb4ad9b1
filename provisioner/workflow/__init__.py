"""One module for each command. It is the only floor that connects the rooms of the floor below.

It composes and decides nothing itself: what a change means is planning's, what may be sent is applying's.
"""
