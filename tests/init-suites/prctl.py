"""The one call of the package python-prctl that tini's suite makes: that package needs a compiler
and headers of a library."""

import ctypes

PR_SET_CHILD_SUBREAPER = 36


def set_child_subreaper(value):
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
