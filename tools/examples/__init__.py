"""Small programs that use Offhook; each can be run as it is, and each is run by a test.

place_call        call somebody, and tell how it went
answer            take calls
reject            refuse calls, each with its own status
redirect          send callers elsewhere
digits            press and hear keys, both ways
hold              hold with music, and resume
softphone         talk through the sound card
voice_bot         answer with audio that is made as it goes
blind_transfer    send a caller to somebody else
attended_transfer ... after having talked to them
accept_transfer   be sent to somebody else
bridge            connect callers with somebody, through us
conference        let all callers hear each other
register          be reachable at a registrar
plain_client      all without Offhook's Python client
"""
