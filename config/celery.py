"""The Celery app. Tasks are pokes: they carry ids, and the rows in the database are the truth."""

import os

from celery import Celery

from config import broker, timetable

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

broker.register()
app = Celery("kohde")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = timetable.beat_schedule()
app.autodiscover_tasks()
