"""The command line. Each command has one module: its options, one call of `workflow`, and one of `rendering`.

Users notice the start-up time, so a command imports what it needs when it runs and not when it is listed.
"""
