"""The screen «form»: a presenter without a window, a layout, and the class that joins them."""
