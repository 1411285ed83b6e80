"""Sound cards: a process of its own for each direction, an application as any other to the worker.

    microphone --> varispeed --> ring --> worker          worker --> ring --> varispeed --> speaker

Opening a device takes hundreds of milliseconds, and a driver may hang or crash: that stops one
direction of one call, and neither the tick nor the call.  What PortAudio finds in its environment
(the sound server of a user) is that of the application, which starts these processes.
"""
