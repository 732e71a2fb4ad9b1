"""One module for each command. Only this package connects the packages below it, which do not know each other.

It composes them and decides nothing itself: `planning` decides what a change means, `applying` what may be sent.
"""
