"""For clients of a server on this machine, which speaks no TLS: loading the trusted roots costs more than all else that a test does."""

import ssl

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""As the value of `verify`. It trusts nobody."""
