"""A walk through a service of the sandbox: calls that must work and calls that must be refused."""

import botocore.exceptions
import support
from botocore import xform_name


class Walk:
    """One service through one client, held against botocore's models by a `wire.Wire`."""

    def __init__(self, wire, service, url, account=support.ACCOUNT, **arguments):
        self.account = account
        # The server's checks are asked for, not botocore's own.
        made = support.client(service, url, access_key=account, parameter_validation=False, **arguments)
        self.client = wire.listen(made)

    def __call__(self, operation, **input):
        """What a call answers."""
        return getattr(self.client, xform_name(operation))(**input)

    def refused(self, code, operation, **input):
        """Calls and wants this error; gives its answer."""
        try:
            self(operation, **input)
        except botocore.exceptions.ClientError as error:
            given = error.response["Error"]["Code"]
            if given != code:
                raise AssertionError(f"{operation} is refused with {given}, not {code}: {error}") from None
            return error.response
        raise AssertionError(f"{operation} is not refused with {code}: {input}")


def same(given, wanted, what):
    if given != wanted:
        raise AssertionError(f"{what} is {given!r}, not {wanted!r}")
