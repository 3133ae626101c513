"""Nothing is allowed unless the endpoint's rights table says which right it takes."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from crm import rights
from crm.rest.authentication import actor_of


class HoldsRight(BasePermission):
    """The caller holds the right that `view.rights` names for this action; actions without a right are closed."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not (request.user and request.user.is_authenticated):
            return False
        view.actor = actor_of(request)
        if view.action is None or request.method == "OPTIONS":  # no such method here: let it become 405
            return True
        right = getattr(view, "rights", {}).get(view.action)
        if right is None:
            return False
        rights.require(view.actor, right)
        return True
