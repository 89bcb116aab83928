"""The command line: it parses a call, runs the command and prints the result.

The module of a command is imported only when the command is called.
"""

import gc
import sys
from typing import Final

from cyclopts import App, Group

from dragoman import __version__

EVERYBODY: Final = Group("Everybody", sort_key=9)

app = App(
    name="dragoman",
    version=__version__,
    help="The message service of a liaison office.",
    group_commands=EVERYBODY,
)

GROUPS: Final = {
    "Officers: messages": (
        ("post", "post:post", "Open an exchange: a report, a request or a note."),
        ("act", "post:act", "Carry on an exchange: acknowledge, reply, correct, close."),
        (
            "draft",
            "post:draft",
            "Draft an act for a colleague to release, or list the drafts of your side.",
        ),
        ("release", "post:release", "Release a colleague's draft, as the second officer."),
        ("notice", "notice:notice", "Post one notice to many channels, and show who has it."),
        ("import", "post:take_in", "Import a CAP alert as a draft."),
        ("file", "file:file", "Upload, download and erase files, which acts name by SHA-256."),
        ("person", "person:person", "Enter, change and erase people, whom acts name by id."),
        (
            "outbox",
            "outbox:outbox",
            "Show what waits at a station for its host, withdraw it, or send it on.",
        ),
    ),
    "Officers: the state and the watch": (
        ("show", "show:show", "Show an exchange, and the reaction of each addressee."),
        ("state", "show:state", "Show the liaison state of a channel."),
        ("tail", "show:tail", "Follow a channel's records as they arrive."),
        (
            "watch",
            "watch:watch",
            "Take the watch, hand it over, and show its alarms and deadlines.",
        ),
        ("in-force", "show:in_force", "Show the windows that are open or near."),
        (
            "roster",
            "duty.roster:roster",
            "Put, show and check the duty roster of your side, and change its shifts.",
        ),
        (
            "reach",
            "duty.reach:reach",
            "Say how you are reached when the pages are closed, and test it.",
        ),
        (
            "statistics",
            "report:statistics",
            "Show in numbers what each side owed and did in a period.",
        ),
        (
            "report",
            "report:report",
            "Write a situation report, a turn-over note, or the record of a period.",
        ),
    ),
    "Administrators of a side": (
        (
            "officer",
            "officer:officer",
            "Enter and revoke officers, as an administrator of their side.",
        ),
        ("keys", "keys:keys", "Make keys, and enter and revoke them in a channel."),
        (
            "adopt",
            "adopt:adopt",
            "Adopt a profile of limits, a codebook or a policy of witnesses, as an administrator.",
        ),
        (
            "webhook",
            "webhook:webhook",
            "Choose where your side is notified of records: by webhook or by e-mail.",
        ),
        (
            "listen",
            "webhook:listen",
            "Forward a channel's records to a program on your own machine.",
        ),
        (
            "witness",
            "audit.witness:witness",
            "Hold and release your side's witness, and print its verifier key.",
        ),
    ),
    "Auditors": (
        (
            "audit",
            "audit.accountability:audit",
            "Replay, verify and export a channel's log without trusting anybody.",
        ),
        ("log", "audit.log:log", "Restore a damaged or lost log from a copy."),
    ),
    "Operators: running": (
        (
            "quickstart",
            "host.quickstart:quickstart",
            "Run a host with a first channel of two sides, and print four tokens.",
        ),
        ("up", "serve:up", "Run everything but the witness, with its own broker."),
        (
            "serve",
            "serve:serve",
            "Run one service on a running broker, or your side's own witness.",
        ),
        ("init", "serve:init", "Make a data directory, with keys and the operator's token."),
        (
            "station",
            "station:station",
            "Invite stations to channels, join them, and keep keys of officers there.",
        ),
        ("channel", "channel_setup:channel", "Open channels and list them."),
        ("token", "token:token", "Issue and revoke tokens, as the operator."),
        (
            "subject",
            "token:subject",
            "Map the subjects of an OIDC provider to officers, as the operator.",
        ),
        (
            "identity",
            "host.identity:identity",
            "Say which sides of several channels are the same side on this host.",
        ),
    ),
    "Operators: care": (
        ("doctor", "doctor:doctor", "Check this installation, and say how to fix each fault."),
        ("health", "host.health:health", "Ask a service on this machine whether it is ready."),
        ("config", "doctor:config", "Show and check the settings."),
        ("support", "host.support:support", "Gather what helps to find a fault, without secrets."),
        (
            "backup",
            "host.backup:backup",
            "Back up a running host into a folder, and verify, list and remove its backups.",
        ),
        (
            "restore",
            "host.backup:restore",
            "Restore a host from a backup, into a new data directory.",
        ),
        (
            "host",
            "host.succession:host",
            "Let a channel go on at another host, or under another key.",
        ),
        (
            "prepare",
            "host.prepare:prepare",
            "Fold the logs for another release while the present one runs.",
        ),
    ),
}
"""The commands by who uses them: a name, where the command is, and its help."""

for _place, (_title, _commands) in enumerate(GROUPS.items()):
    _group = Group(_title, sort_key=_place)
    for _name, _location, _help in _commands:
        app.command(f"dragoman.cli.{_location}", name=_name, help=_help, group=_group)
app.command(
    "dragoman.cli.host.context:context",
    name="context",
    help="Save gateways with your tokens under names, and choose between them.",
)
app.command(
    "dragoman.cli.host.completion:completion",
    name="completion",
    help="Print the completion of a shell.",
)


def main() -> None:
    """Run a command, and exit with its return value.

    A failed command exits with the code of its error.
    """
    from dragoman import telemetry

    telemetry.configure(level="warning")
    # Reference counts free records, rows and futures as soon as they are not needed. So
    # the collector of cycles needs to run only rarely.
    gc.set_threshold(50_000, 20, 100)
    try:
        code = app(
            sys.argv[1:], exit_on_error=False, print_error=True, result_action="return_value"
        )
    except BaseException as error:  # the outermost handler
        from dragoman.cli import errors  # it imports a lot, and is needed only on failure

        code = errors.report(error)
        if code is None:
            if isinstance(error, SystemExit):
                raise
            errors.trace(error)
            code = 1
        sys.exit(code)
    sys.exit(code if isinstance(code, int) else 0)
