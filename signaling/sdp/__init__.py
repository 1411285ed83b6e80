"""RFC 8866 session descriptions and the offer/answer model of RFC 3264."""
