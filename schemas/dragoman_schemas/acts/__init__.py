"""The acts, one module a format; `SHAPES` has them all.

A new act is a shape in a module of its family's folder, and a rule in the rules' table.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from dragoman_schemas.act_frame import Act
from dragoman_schemas.acts import contact, continuing, dialogue, meeting, notification, office
from dragoman_schemas.acts.notification import emergency_notification

OLDER: dict[tuple[str, int], type[Act]] = {
    ("call-attempt", 1): continuing.CallAttemptV1,
    ("reply", 1): continuing.Reply,
    ("interim-reply", 1): continuing.InterimReply,
    ("clarification-request", 1): continuing.ClarificationRequest,
    ("decline", 1): continuing.Decline,
    ("repeat-request", 1): continuing.RepeatRequest,
    ("help-request", 1): emergency_notification.HelpRequest,
    ("help-offer", 1): emergency_notification.HelpOffer,
    ("help-acceptance", 1): emergency_notification.HelpAcceptance,
    ("help-delivery", 1): emergency_notification.HelpDelivery,
}
"""The shapes of earlier versions, by act and version: they stay in logs for ever.

`dragoman.domain.record.upcast` converts them to the newest version.
"""


def _modules() -> Iterator[ModuleType]:
    """Yield the modules of acts: those of each family, and of acts of any exchange."""
    yield continuing
    for family in (contact, dialogue, meeting, notification, office):
        for module in iter_modules(family.__path__, f"{family.__name__}."):
            yield import_module(module.name)


def _shapes() -> Iterator[tuple[str, type[Act]]]:
    """Yield the shapes of acts by their names; of two for one act, the newest last."""
    for module in _modules():
        for shape in vars(module).values():
            is_own = isinstance(shape, type) and shape.__module__ == module.__name__
            if is_own and issubclass(shape, Act):
                yield str(shape.__struct_config__.tag), shape


SHAPES: dict[str, type[Act]] = dict(_shapes())
"""The newest shape of each act. In its module it stands below the older ones."""
