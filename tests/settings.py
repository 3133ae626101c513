"""The settings of a test run: a data folder of its own, mail kept in memory, static files as they lie."""

import os
import tempfile

os.environ["KOHDE_DATA_DIR"] = tempfile.mkdtemp(prefix="kohde-test-")
os.environ["EMAIL_URL"] = "memorymail://"
os.environ.pop("KOHDE_TASKS_EAGER", None)

from config import translations
from config.settings import *  # noqa: F403
from config.settings import CACHES, DATABASES, STORAGES

STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast
FOLLOWERS: tuple[str, ...] = ()  # nobody is poked; a test that wants it says so
WHITENOISE_AUTOREFRESH = True  # nothing is collected

translations.compile_all()  # Django reads them once, when a language is first used
CACHES["answers"] = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "answers"}
ANSWER_PATIENCE = 0  # what changed is seen at once
if DATABASES["default"]["ENGINE"].endswith("postgresql"):  # no test of this process asks what a power cut leaves
    DATABASES["default"]["OPTIONS"] = {"options": "-c synchronous_commit=off"}
