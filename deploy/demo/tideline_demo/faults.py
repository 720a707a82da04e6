class Fault(Exception):
    """Something is broken: a process died, a report is missing, a mode was not applied. Never: a latency was high."""


class Unusable(Exception):
    """This host cannot run the real experiment; the text says why."""
