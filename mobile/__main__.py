"""``python -m mobile --profile DIR`` opens the tablet's window on a profile's folder."""

import sys

from mobile.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
