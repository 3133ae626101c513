"""Addresses of daily work: tasks, calls and deals."""

from django.urls import path

from crm.views import calendar, contacts, deal, deals, notes, tasks

urlpatterns = [
    path("customers/<int:pk>/tasks/new/", tasks.task_new, name="customer-task-new"),
    path("customers/<int:pk>/deals/new/", deal.deal_new, name="customer-deal-new"),
    path("customers/<int:pk>/tasks/", contacts.customer_tasks, name="customer-tasks"),
    path("customers/<int:pk>/contacts/", contacts.contact_log, name="contact-log"),
    path("customers/<int:pk>/deals/", deal.customer_deals, name="customer-deals"),
    path("customers/<int:pk>/notes/", notes.customer_notes, name="customer-notes"),
    path("customers/<int:pk>/notes/new/", notes.customer_note_add, name="customer-note-add"),
    path("companies/<int:pk>/notes/new/", notes.company_note_add, name="company-note-add"),
    path("notes/<int:pk>/edit/", notes.note_edit, name="note-edit"),
    path("notes/<int:pk>/pin/", notes.note_pin, name="note-pin"),
    path("notes/<int:pk>/delete/", notes.note_delete, name="note-delete"),
    path("notes/<int:pk>/restore/", notes.note_restore, name="note-restore"),
    path("notes/<int:pk>/files/<int:file_id>/", notes.note_file, name="note-file"),
    path("deals/", deals.deals, name="deals"),
    path("deals/list/", deals.deals_list, name="deals-list"),
    path("deals/forecast/", deals.deals_forecast, name="deals-forecast"),
    path("deals/new/", deal.deal_new, name="deal-new"),
    path("deals/<int:pk>/", deal.deal, name="deal"),
    path("deals/<int:pk>/edit/", deal.deal_edit, name="deal-edit"),
    path("deals/<int:pk>/move/", deal.deal_move, name="deal-move"),
    path("deals/<int:pk>/win/", deal.deal_win, name="deal-win"),
    path("deals/<int:pk>/lose/", deal.deal_lose, name="deal-lose"),
    path("deals/<int:pk>/reopen/", deal.deal_reopen, name="deal-reopen"),
    path("deals/<int:pk>/undo/<int:move>/", deal.deal_undo, name="deal-undo"),
    path("deals/<int:pk>/notes/", deal.deal_note, name="deal-note"),
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
]
