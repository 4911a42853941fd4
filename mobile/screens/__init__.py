"""The screens of the tablet, one folder each; ``mobile.flow`` says what follows what."""
