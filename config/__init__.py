"""Puts the parts together: settings, addresses, the Celery app and its timetable."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
