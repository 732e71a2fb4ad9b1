"""Renders plans, diagnostics, progress and state as text, and as versioned JSON documents.

Everything here returns text or plain dicts and writes nothing. It reads neither the environment nor a clock, and knows
no particular kind of resource: the values of `model` carry all that a reader needs to see.
"""
