"""Addresses of the lowest floor's pages."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from crm.views import access, calendar, contacts, customers, finding, imports, styleguide, tasks

urlpatterns = [
    path("sign-in/", access.SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("search/", finding.found, name="search"),
    path("settings/me/", access.me, name="me"),
    path("settings/me/password/", access.PasswordChange.as_view(), name="password"),
    path("settings/language/", access.language, name="language"),
    path("settings/appearance/", access.appearance, name="appearance"),
    path("imports/", imports.imports, name="imports"),
    path("imports/new/", imports.import_new, name="import-new"),
    path("imports/<int:pk>/", imports.import_detail, name="import"),
    path("imports/<int:pk>/mapping/", imports.import_mapping, name="import-mapping"),
    path("imports/<int:pk>/check/", imports.import_check, name="import-check"),
    path("imports/<int:pk>/start/", imports.import_start, name="import-start"),
    path("imports/<int:pk>/undo/", imports.import_undo, name="import-undo"),
    path("imports/<int:pk>/problems.csv", imports.import_problems, name="import-problems"),
    path("customers/", customers.customers, name="customers"),
    path("customers/new/", customers.customer_new, name="customer-new"),
    path("customers/<int:pk>/", customers.customer, name="customer"),
    path("customers/<int:pk>/edit/", customers.customer_edit, name="customer-edit"),
    path("customers/<int:pk>/consents/<int:state_id>/withdraw/", customers.withdraw, name="consent-withdraw"),
    path("customers/<int:pk>/tasks/", contacts.customer_tasks, name="customer-tasks"),
    path("customers/<int:pk>/contacts/", contacts.contact_log, name="contact-log"),
    path("tasks/", tasks.tasks, name="tasks"),
    path("tasks/new/", tasks.task_new, name="task-new"),
    path("tasks/quick/", tasks.task_quick, name="task-quick"),
    path("tasks/calendar/", calendar.tasks_calendar, name="tasks-calendar"),
    path("tasks/offers/<slug:kind>/", tasks.offers, name="task-offers"),
    path("tasks/<int:pk>/", tasks.task, name="task"),
    path("tasks/<int:pk>/done/", tasks.task_done, name="task-done"),
    path("tasks/<int:pk>/cancel/", tasks.task_cancel, name="task-cancel"),
    path("tasks/<int:pk>/reopen/", tasks.task_reopen, name="task-reopen"),
    path("tasks/<int:pk>/snooze/", tasks.task_snooze, name="task-snooze"),
    path("tasks/<int:pk>/undo/<int:line>/", tasks.task_undo, name="task-undo"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
]
