"""All settings, from environment variables; the table in docs/settings.md lists every one."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import available_timezones

import environ
from csp.constants import NONE, SELF

ROOT = Path(__file__).resolve().parent.parent
env = environ.Env()

DEBUG = env.bool("KOHDE_DEBUG", default=False)
DATA_DIR = Path(env.str("KOHDE_DATA_DIR", default=str(ROOT / "var"))).resolve()

from config.secret import load_or_make, made_folder  # noqa: E402
from config.version import newest_version  # noqa: E402

VERSION = newest_version(ROOT / "CHANGELOG.md")
made_folder(DATA_DIR)

SECRET_KEY = env.str("KOHDE_SECRET_KEY", default="") or load_or_make(DATA_DIR / "secret_key")
# Keyed hashes of addresses outlive erasure; the key may be kept apart from the database (reliability: F41).
ADDRESS_HASH_KEY = env.str("KOHDE_ADDRESS_HASH_KEY", default="") or load_or_make(DATA_DIR / "address_hash_key")
PORT = env.int("PORT", default=8000)
BASE_URL = env.str("KOHDE_BASE_URL", default=f"http://localhost:{PORT}").rstrip("/")
HTTPS = BASE_URL.startswith("https://")
ALLOWED_HOSTS = env.list("KOHDE_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = [BASE_URL] if HTTPS else []

INSTALLED_APPS = [
    "config.admin.BackstageConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.forms",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "heroicons",
    "csp",
    "crm",
    "profiles",
    "segments",
    "campaigns",
    "config",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "crm.middleware.without_nul",
    "campaigns.public.hits.first",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "crm.middleware.FormsWithoutNul",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "crm.middleware.whole_pages",
    "crm.middleware.preferences",
    "crm.middleware.bounded",
    "crm.middleware.followers",
    "segments.middleware.refreshers",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.navigation.frame",
            ],
        },
    }
]

FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # our own templates for fields and errors

# --- database: SQLite with one writer at a time and a patient queue, or PostgreSQL by DATABASE_URL ---
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'kohde.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        # Pages that many transactions change are written back once in 64 MB, not once in 4.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-65536;"
        " PRAGMA wal_autocheckpoint=16384;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- who may come in -----------------------------------------------------------------------------
AUTH_USER_MODEL = "crm.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = ["^live$", "^ready$", "^metrics$"]  # probes come over plain HTTP
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
METRICS_TOKEN = env.str("KOHDE_METRICS_TOKEN", default="")
BEHIND_PROXY = env.bool("KOHDE_BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000  # the largest rule that is allowed, as the editor sends it

# --- language and time: rows hold UTC, pages show the firm's or the user's zone --------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fi", "Suomi")]
# Named here, not found by app: the words of the admin site would come before ours where both have some.
LOCALE_PATHS = [ROOT / place / "locale" for place in (".", "crm", "profiles", "segments", "campaigns")]
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"
FIRM_TIME_ZONE = env.str("KOHDE_TIME_ZONE", default="Europe/Helsinki")
if FIRM_TIME_ZONE not in available_timezones():
    raise SystemExit(f"KOHDE_TIME_ZONE is “{FIRM_TIME_ZONE}”, no name of a time zone such as Europe/Helsinki.")
FIRM_NAME = env.str("KOHDE_FIRM_NAME", default="Kohde Demo Oy")
FIRM_CURRENCY = env.str("KOHDE_CURRENCY", default="EUR")

# --- files ---------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [ROOT / "static", ("guide", ROOT / "docs" / "images"), ("guide", ROOT / "docs" / "guide")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": DATA_DIR / "files"}},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True  # halves what is compressed
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ["jpg", "jpeg", "png", "gif", "webp", "gz", "br", "woff", "woff2", "map"]
WAREHOUSE_DIR = DATA_DIR / "warehouse"
WAREHOUSE_MEMORY = env.str("KOHDE_WAREHOUSE_MEMORY", default="1GB")
ENGINE = env.str("KOHDE_ENGINE", default="duckdb")  # where rules run: docs/engines.md
WAREHOUSE_SOURCES: tuple[str, ...] = ()  # tables that upper floors add to a snapshot, as dotted paths

# Answers that pages would otherwise work out anew each time (crm/answers.py); may be thrown away at any time.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "answers": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": DATA_DIR / "answers",
        "TIMEOUT": None,
        "OPTIONS": {"MAX_ENTRIES": 2000},
    },
}
ANSWER_PATIENCE = 20  # seconds an answer stays good for each second it took, though its rows have changed

# --- mail ----------------------------------------------------------------------------------------
# Without EMAIL_URL nothing leaves this machine: `serve` starts a mail catcher and /mail/ shows what it caught.
HAS_MAIL_CATCHER = not env.str("EMAIL_URL", default="")
MAIL_CATCHER_PORT = env.int("KOHDE_MAIL_CATCHER_PORT", default=8025)
MAIL_CATCHER_FILE = DATA_DIR / "mail.sqlite3"
EMAIL = env.email_url("EMAIL_URL", default=f"smtp://127.0.0.1:{MAIL_CATCHER_PORT}")
vars().update({name: value for name, value in EMAIL.items() if name.isupper()})
EMAIL_TIMEOUT = 60
MAIL_PROVIDER = env.str("KOHDE_MAIL_PROVIDER", default="")
if MAIL_PROVIDER:
    EMAIL_BACKEND, HAS_MAIL_CATCHER = f"anymail.backends.{MAIL_PROVIDER}.EmailBackend", False
BOUNCE_ADDRESS = env.str("KOHDE_BOUNCE_ADDRESS", default="")
SMS_URL = env.str("KOHDE_SMS_URL", default="")
WEBHOOK_INSIDE = frozenset(env.list("KOHDE_WEBHOOK_INSIDE", default=[]))
ANYMAIL = env.json("KOHDE_ANYMAIL", default={})
DEFAULT_FROM_EMAIL = env.str("KOHDE_FROM_EMAIL", default="Kohde Demo <hello@kohde.example>")

# --- tasks: Redis by REDIS_URL, else the embedded broker; either may vanish without losing work ------
REDIS_URL = env.str("REDIS_URL", default="")
CELERY_BROKER_URL = REDIS_URL or f"embedded:///{DATA_DIR / 'queue.sqlite3'}"
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600} if REDIS_URL else {}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SEND_TASK_EVENTS = CELERY_WORKER_ENABLE_REMOTE_CONTROL = bool(REDIS_URL)
# A task is acknowledged when done, so that one whose worker was killed is run again; every task bears that.
CELERY_TASK_ACKS_LATE = CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # keeps no file: the slots in the database remember what ran
CELERY_TIMEZONE = "UTC"
CELERY_TASK_ALWAYS_EAGER = env.bool("KOHDE_TASKS_EAGER", default=False)
FOLLOWERS = ("segments.tasks.follow_customers",)  # poked by name when a request changed customers
SEGMENT_REFRESH_MINUTES = env.int("KOHDE_SEGMENT_REFRESH_MINUTES", default=5)
SEGMENT_BASE_RATE = env.float("KOHDE_SEGMENT_BASE_RATE", default=0.05)
SEGMENT_SMALLEST_EFFECT = env.float("KOHDE_SEGMENT_SMALLEST_EFFECT", default=0.05)

# --- API -----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "crm.rest.authentication.KeyAuthentication",
        "crm.rest.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["crm.rest.permissions.HoldsRight"],
    "DEFAULT_PARSER_CLASSES": ["crm.rest.parsing.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "crm.rest.pages.CursorPages",
    "DEFAULT_FILTER_BACKENDS": ["crm.rest.filters.DeclaredFilters"],
    "DEFAULT_THROTTLE_CLASSES": ["crm.rest.throttles.PerCaller"],
    "DEFAULT_THROTTLE_RATES": {"api": env.str("KOHDE_API_RATE", default="6000/min")},
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "crm.rest.schema.Schema",
    "EXCEPTION_HANDLER": "crm.rest.errors.answer",
    "URL_FORMAT_OVERRIDE": None,
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Kohde API",
    "DESCRIPTION": "Customers, segments and campaigns. Errors, pages and repeat-safe posts: see docs/api.md.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "ConsentPurpose": "crm.models.Purpose",
        "SegmentPurpose": "segments.models.SegmentPurpose",
        "OrderKind": "crm.models.OrderKind",
        "ImportKind": "crm.models.ImportKind",
        "SegmentKind": "segments.models.SegmentKind",
        "DealStatus": "crm.models.DealStatus",
        "TaskKind": "crm.models.TaskKind",
        "MessageState": "campaigns.models.MessageState",
        "PrivacyRequestState": "crm.models.RequestState",
        "PrivacyRequestKind": "crm.models.RequestKind",
        "QuestionKind": "profiles.models.QuestionKind",
        "SurveyStatus": "profiles.models.SurveyStatus",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("KOHDE_LOG_LEVEL", default="WARNING")},
}
SILENCED_SYSTEM_CHECKS: list[str] = []
