"""What the tablet's window is built of: plain pieces, sheets, and a widget for each kind of field.

No rule of the work is in here: widgets show what a presenter says and hand back what a person answered.
Importing this package opens no window; its modules do once one of them builds a widget.
"""
