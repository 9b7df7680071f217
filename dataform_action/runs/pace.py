"""How often a step sends requests about its run, so that it stays within the quota of the API.

Google Cloud Dataform allows 60 workflow invocation requests a minute, for a project and a region:
https://cloud.google.com/dataform/docs/quotas. It is not documented whether reads count.
"""

from __future__ import annotations

import random

from dataform_action.model import LONGEST_SPACING, Polling

#: The shortest time between two reads of the actions of a run, in seconds, and how many actions are
#: read in a second on average. Reading 1,000 actions downloads up to 600 kB.
ACTIONS_INTERVAL = 15.0
_ACTIONS_PER_SECOND = 25


class Pace:
    """The time for each request of a wait.

    A step that is alone polls as ``Polling.delay`` says. Of several parallel runs, each has an
    equal share of one request a second. After a 429, a step is slower until its end.
    """

    def __init__(self, polling: Polling) -> None:
        self._polling = polling
        #: The least time between two requests, in seconds; 0 for a step that is alone.
        self._spacing = polling.spacing

    @property
    def is_spaced(self) -> bool:
        """Return whether each request has a wait of its own, because others need the quota."""
        return self._spacing > 0

    def slow_down(self) -> None:
        """Record a 429: make at most one request per poll interval, and half as many each time."""
        self._spacing = min(max(2 * self._spacing, self._polling.interval), LONGEST_SPACING)

    def delay(self, elapsed: float) -> float:
        """Return the wait before the next poll, ``elapsed`` seconds after the start of the wait."""
        # The jitter is only added. It spreads steps that started at the same time, and leaves some
        # of the quota for what they read after their ends.
        share = self._spacing * (1 + random.random() / 5)  # noqa: S311
        return max(self._polling.delay(elapsed), share)

    def actions_interval(self, count: int) -> float:
        """Return the time until ``count`` actions are read again, in seconds."""
        return max(ACTIONS_INTERVAL, count / _ACTIONS_PER_SECOND) * max(self._spacing, 1.0)

    @property
    def most_seconds_for_actions(self) -> float:
        """Return how long one read of the actions may take, which delays the next poll."""
        return LONGEST_SPACING if self.is_spaced else ACTIONS_INTERVAL
