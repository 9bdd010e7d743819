"""Prints the DDL of Django's own applications and Wagtail's, as Django would run it.

No database is asked: the statements are collected, for the server version that is given.
"""

import sys

import django
from django.conf import settings

settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "nobody"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    SECRET_KEY="none",
    STATIC_URL="/static/",
    WAGTAILADMIN_BASE_URL="http://localhost",
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.flatpages",
        "django.contrib.postgres",
        "django.contrib.redirects",
        "django.contrib.sessions",
        "django.contrib.sites",
        "wagtail.contrib.forms",
        "wagtail.contrib.redirects",
        "wagtail.contrib.search_promotions",
        "wagtail.contrib.settings",
        "wagtail.embeds",
        "wagtail.sites",
        "wagtail.users",
        "wagtail.snippets",
        "wagtail.documents",
        "wagtail.images",
        "modelsearch",
        "wagtail.search",
        "wagtail.admin",
        "wagtail",
        "taggit",
    ],
)
django.setup()

from django.apps import apps  # noqa: E402
from django.db import connection  # noqa: E402

# What Django would ask a server.
connection.__dict__["pg_version"] = int(sys.argv[1]) * 10_000

with connection.schema_editor(collect_sql=True, atomic=False) as editor:
    for model in apps.get_models(include_auto_created=True):
        # Tables of relations come with the models that have them.
        if model._meta.managed and not model._meta.proxy and not model._meta.auto_created:
            editor.create_model(model)
for statement in editor.collected_sql:
    if not statement.startswith("--"):
        print(statement.rstrip(";") + ";")
