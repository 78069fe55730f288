"""The base record of jobs: a resolved slice of the study."""

from __future__ import annotations

import json

from pg.core.record import Record


class Job(Record):
    """The part of the study that one job needs. Jobs with equal text and equal code give equal results."""

    def canonical(self) -> str:
        """Return the job as JSON with sorted keys."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)
