"""Chaos: a mail sink that misbehaves on request, a proxy that breaks connections, and audits of what arrived."""
