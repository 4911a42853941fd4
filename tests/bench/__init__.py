"""How fast a sync is, and what it costs, each figure beside a floor that is measured in the same run.

The floor is the least that anybody must do: a minimal Flask app on the same server software, with the same durability, that
unpacks, parses and stores the same lines; and a client that stores what it is sent. `ratio` is our rate over the floor's.
"""
