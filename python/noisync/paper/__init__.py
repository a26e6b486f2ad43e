"""The table and figures of arXiv:2604.26898, recomputed and set beside what theory says."""

from noisync.paper.report import TARGETS, report_path, reproduce

__all__ = ["TARGETS", "report_path", "reproduce"]
