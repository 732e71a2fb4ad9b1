"""The command line: one file a command, each options, one workflow call, one renderer call.

Start-up is part of the interface, so whatever a command needs is imported when it runs, not when it is listed.
"""
