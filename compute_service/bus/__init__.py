"""Messages between daemons."""

import os

# oslo.messaging imports eventlet, which nobody here runs on. Its resolver would cost 250 modules and 8 MB.
os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
