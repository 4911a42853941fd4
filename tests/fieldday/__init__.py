"""A field day: real processes, real HTTP over a bad network, and a journal that is compared with what is left.

`scenario.py` reads what happens, `day.py` makes it happen, `journal.py` writes it down before it happens; `oracle.py`,
`evidence.py` and `compare.py` say what must be there and look whether it is. Those three and the journal import nothing of
Sen: they know the record types' YAML, SQL, and the written form of a record's registers.
"""
