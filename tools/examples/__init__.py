"""Small programs that use Offhook; each can be run as it is, and each is run by a test."""
