"""How datagrams get in and out.  A backend owns no state of a stream but its sockets.

``uring`` (Linux 6.1 and later) needs a few system calls a tick, ``portable`` (epoll) several a
packet, but works everywhere.  ``choice`` says which it is.
"""
