"""Says in one short text why pydantic refused a value."""

from pydantic import ValidationError


def first_problem(error: ValidationError, *, skip: int = 0) -> str:
    """What is wrong, and in which field; without the value, which may be private.

    The first `skip` parts of the field's place are left out, since keys of a mapping may be
    private, too. Control characters in keys are escaped: the text may be shown on a terminal.
    """
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ascii(".".join(str(part) for part in first["loc"][skip:6]))[1:-1]
    return f"{place}: {first['msg']}" if place else str(first["msg"])
