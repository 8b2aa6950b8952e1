"""Pure rules of the domain: plain data in and out, no Django, no clock, no network."""
