"""Tables of profiles: the snapshots of the warehouse, and surveys with their answers."""

from profiles.models.snapshot import Snapshot, SnapshotStatus
from profiles.models.survey import Answer, AnswerSheet, Question, QuestionKind, Survey, SurveyStatus

__all__ = [
    "Answer",
    "AnswerSheet",
    "Question",
    "QuestionKind",
    "Snapshot",
    "SnapshotStatus",
    "Survey",
    "SurveyStatus",
]
