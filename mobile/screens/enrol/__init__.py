"""The screen «enrol»: a presenter without a window, a layout, and the class that joins them."""
