"""The process that looks: a job comes on its standard input as JSON, findings go to its standard output."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from .look import Job, look


def main() -> None:
    job = Job(**json.load(sys.stdin))
    try:
        import resource
    except ImportError:  # Windows: its caller's limit of time holds
        pass
    else:
        memory = int(job.bounds["memory"])
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def tell(path: str) -> None:
        print(json.dumps({"at": path}), flush=True)

    findings = look(job, tell)
    print(json.dumps({"findings": [asdict(one) for one in findings]}), flush=True)


if __name__ == "__main__":
    main()
