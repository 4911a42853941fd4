"""The console: pages for people in an office, rendered on the server; htmx fetches the fragments that a page itself includes.

One module an area, each with its ``blueprints`` and the typed context of its pages; the frame around them is ``shell``. It reads
through ``server.records``, ``server.overview`` and ``server.reporting`` and writes through ``server.editing`` alone, so that every
rule about who may what holds here as it does for a tablet.
"""
