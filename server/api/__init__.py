"""The JSON API: strict JSON in, RFC 9457 problems out, described at ``/api/openapi.json``.

An address of the API is a route of a flask-smorest blueprint with a marshmallow schema for what comes and what goes.
"""

from server.api.wire import Api, ApiBlueprint, StrictJSON

__all__ = ["Api", "ApiBlueprint", "StrictJSON"]
