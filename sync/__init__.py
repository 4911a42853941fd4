"""The protocol: how edits become lines, meet, and reach every replica, with nothing lost.

``sync`` takes values or bytes and gives values or bytes. It knows no socket, no clock, no thread and no
database: the time and the store come in as arguments; only ``over_http`` touches a connection. A device
writes numbered logs; the server alone orders a stream; a pull brings whole registers.
"""
