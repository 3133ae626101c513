"""The Celery app. Tasks are pokes: they carry ids, and the rows in the database are the truth."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("kohde")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
