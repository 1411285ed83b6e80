"""Calls: small machines over dialogs, transactions and offer/answer."""
