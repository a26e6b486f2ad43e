"""Tables and figures of arXiv:2604.26898 and 2601.21942, beside what theory says."""

from noisync.paper.report import TARGETS, report_path, reproduce

__all__ = ["TARGETS", "report_path", "reproduce"]
