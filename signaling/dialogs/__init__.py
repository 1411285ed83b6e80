"""RFC 3261 section 12: what two user agents remember of each other."""
