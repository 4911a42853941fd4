"""The tablet: everything an officer does without a network, and the exchange when there is one.

``Tablet`` opens a profile's folder; the presenters in ``screens/*/presenter.py`` answer what the screens show and know no
window; ``mobile.headless`` drives the very same presenters by lines of JSON. Kivy is met only in ``main``, ``app``, ``widgets`` and
``screens/*/screen.py``, so that importing this package opens nothing.
"""
