"""Plans, diagnostics, progress and state as text, and the same values as versioned JSON documents.

Everything here returns text or plain dicts and writes nothing. It reads no environment and no clock, and knows no
particular kind of resource: what a reader needs to see, the values of `model` carry with them.
"""
