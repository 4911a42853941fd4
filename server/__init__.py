"""The server: the district's store, its API for tablets, and its console.

``create_app`` makes the Flask app of one process from its settings. The app factory only wires: what an area does stands in its
own module, who may use it in ``server.access``, and what an error looks like in ``server.problems``.
"""

from server.app import create_app

__all__ = ["create_app"]
