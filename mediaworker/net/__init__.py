"""How datagrams get in and out.  A backend owns no state of a stream but its sockets.

``portable`` (epoll) works everywhere.
"""
