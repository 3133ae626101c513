"""Where providers of mail and of text messages report what became of messages, and what people replied."""

from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns.delivery import providers, text_reports


@csrf_exempt  # the provider's secret and signature are the permission
@require_http_methods(["HEAD", "POST"])
def provider_hook(request: HttpRequest, provider: str) -> HttpResponse:
    """Take a call: 401 without the secret or signature, 400 for nonsense, 404 while no secret is set."""
    if not providers.is_open(provider):
        raise Http404
    if request.method == "HEAD":  # some look whether anybody is there
        return HttpResponse()
    try:
        events = providers.events_in(provider, request)
    except SuspiciousOperation:
        return HttpResponse("not signed as agreed", status=401, content_type="text/plain")
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return HttpResponse("not an event of this provider", status=400, content_type="text/plain")
    for event in events:
        providers.take(provider, event, at=timezone.now())
    return HttpResponse()


@csrf_exempt  # the provider's signature is the permission
@require_http_methods(["POST"])
def text_hook(request: HttpRequest, provider: str) -> HttpResponse:
    """Reports and replies to text messages: 404 unless it is our provider, 401 unless it signed the call."""
    if not text_reports.is_open(provider):
        raise Http404
    form = {name: request.POST[name] for name in request.POST}
    if not text_reports.is_signed(request, form):
        return HttpResponse("not signed as agreed", status=401, content_type="text/plain")
    text_reports.take(form, request.GET.get("m", ""), at=timezone.now())
    body, kind = text_reports.thanks()
    return HttpResponse(body, content_type=kind)
