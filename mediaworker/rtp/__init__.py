"""RTP and RTCP on the wire: N datagrams <-> columns."""
