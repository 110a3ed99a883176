"""Tells schemathesis how e-mails are sent: as the bytes that they are."""

import schemathesis


@schemathesis.serializer("message/rfc822")
def mail(_context, value):
    return value if isinstance(value, bytes) else str(value).encode()
