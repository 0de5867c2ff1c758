"""How a load run fails before there is anything to report."""


class PlanError(ValueError):
    """What was asked for cannot be done; the text begins with the option that says so."""


class UnreachableError(Exception):
    """Not all connections could be opened; the text is one line that says why, and what may help."""
