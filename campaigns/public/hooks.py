"""Where mail providers report what became of messages: bounces, complaints, deliveries."""

from django.core.exceptions import SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns.delivery import providers


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
