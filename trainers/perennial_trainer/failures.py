"""The ways in which a trainer ends without a model, each with its exit code."""


class TrainerFailure(Exception):
    """Its text is shown to the person who asked for the training: what is wrong, and how to mend it."""

    exit_code = 1


class JobRefused(TrainerFailure):
    """The job itself is at fault; the same job is refused again."""

    exit_code = 2


class DataRefused(TrainerFailure):
    """The rows cannot be trained on; the same rows are refused again."""

    exit_code = 3


class TryAgainLater(TrainerFailure):
    """Nothing is wrong but the moment: a GPU without free memory, a service that is away (EX_TEMPFAIL)."""

    exit_code = 75
