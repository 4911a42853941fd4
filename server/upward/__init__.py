"""Upward: this server as a device of the server above it, a district's at a province's.

The server of a province is to the server of a district what that one is to a tablet: the same enrolment, the same messages, the same
merge (``sync``). The district's server has at the province an account with the role ``district_server``, enrolled for its unit; its
scope there are the units below that one, without sealed types.

- What crosses is never a line of a tablet, but lines of a log of its own that this server writes anew (``mirror``): only types and
  fields of ``upward.yaml``, figures as they may be passed on (``passing``). There is no way by which anything else could get in.
- A *mirror* of a record is two open forms: one shows our record, one the province's. What somebody changed in one since it was last
  looked at is typed into the other, and names what that one showed. So an answer of the province is a change here, a correction here a
  change there, and two who did not see each other are asked, on both sides, as two tablets would be.
- ``store`` is ``sync.tablet_store.TabletStore`` on tables of the database, so that a backup holds it: a server that was restored, moved or
  killed goes on as a tablet does. ``link`` holds who this server is up there; its keys stand in the key store.
- ``courier`` exchanges: by ``sen.py server upward``, and every few minutes while the server runs.
"""
