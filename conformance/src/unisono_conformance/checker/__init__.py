"""Judges a recorded history: was every client told one story, and was it the true one?

Spec: reading
Not here: recording (the runner and the proxy do that, with `Recorder`).
"""

from unisono_conformance.checker.anomalies import ANOMALIES, Anomaly, Event, Fact, Finding
from unisono_conformance.checker.judge import Live, Verdict, check
from unisono_conformance.checker.report import report_json, report_text
from unisono_conformance.checker.shrink import Witness, shrink
from unisono_conformance.checker.synclog import Recorder, Synclog, SynclogError, read, write

__all__ = [
    "ANOMALIES",
    "Anomaly",
    "Event",
    "Fact",
    "Finding",
    "Live",
    "Recorder",
    "Synclog",
    "SynclogError",
    "Verdict",
    "Witness",
    "check",
    "read",
    "report_json",
    "report_text",
    "shrink",
    "write",
]
