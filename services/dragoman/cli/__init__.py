"""The command line: it parses a call, runs the command and prints the result.

The module of a command is imported only when the command is called.
"""

import gc
import sys

from cyclopts import App

from dragoman import __version__

app = App(name="dragoman", version=__version__, help="The message service of a liaison office.")

for _name, _location, _help in (
    ("up", "serve:up", "Run everything but the witness, with its own broker."),
    (
        "serve",
        "serve:serve",
        "Run one service on a running broker, or your side's own witness.",
    ),
    (
        "station",
        "station:station",
        "Invite stations to channels, join them, and keep keys of officers there.",
    ),
    ("init", "serve:init", "Make a data directory, with keys and the operator's token."),
    ("channel", "channel_setup:channel", "Open channels and list them."),
    (
        "officer",
        "officer:officer",
        "Enter and revoke officers, as an administrator of their side.",
    ),
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
    ("post", "post:post", "Open an exchange: a report, a request or a note."),
    ("notice", "notice:notice", "Post one notice to many channels, and show who has it."),
    (
        "draft",
        "post:draft",
        "Draft an act for a colleague to release, or list the drafts of your side.",
    ),
    ("release", "post:release", "Release a colleague's draft, as the second officer."),
    ("act", "post:act", "Carry on an exchange: acknowledge, reply, correct, close."),
    ("import", "post:take_in", "Import a CAP alert as a draft."),
    ("keys", "keys:keys", "Make keys, and enter and revoke them in a channel."),
    (
        "context",
        "host.context:context",
        "Save gateways with your tokens under names, and choose between them.",
    ),
    ("person", "person:person", "Enter, change and erase people, whom acts name by id."),
    (
        "roster",
        "duty.roster:roster",
        "Put, show and check the duty roster of your side, and change its shifts.",
    ),
    ("file", "file:file", "Upload, download and erase files, which acts name by SHA-256."),
    ("show", "show:show", "Show an exchange, and the reaction of each addressee."),
    ("tail", "show:tail", "Follow a channel's records as they arrive."),
    ("listen", "webhook:listen", "Forward a channel's records to a program on your own machine."),
    (
        "webhook",
        "webhook:webhook",
        "Choose where your side is notified of records: by webhook or by e-mail.",
    ),
    (
        "reach",
        "duty.reach:reach",
        "Say how you are reached when the pages are closed, and test it.",
    ),
    ("state", "show:state", "Show the liaison state of a channel."),
    ("in-force", "show:in_force", "Show the windows that are open or near."),
    ("watch", "watch:watch", "Take the watch, hand it over, and show its alarms and deadlines."),
    (
        "adopt",
        "adopt:adopt",
        "Adopt a profile of limits, a codebook or a policy of witnesses, as an administrator.",
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
    (
        "audit",
        "audit.accountability:audit",
        "Replay, verify and export a channel's log without trusting anybody.",
    ),
    (
        "witness",
        "audit.witness:witness",
        "Hold and release your side's witness, and print its verifier key.",
    ),
    ("log", "audit.log:log", "Restore a damaged or lost log from a copy."),
    (
        "quickstart",
        "host.quickstart:quickstart",
        "Run a host with a first channel of two sides, and print four tokens.",
    ),
    ("health", "host.health:health", "Ask a service on this machine whether it is ready."),
    (
        "prepare",
        "host.prepare:prepare",
        "Fold the logs for another release while the present one runs.",
    ),
    (
        "backup",
        "host.backup:backup",
        "Back up a running host into a folder, and verify, list and remove its backups.",
    ),
    ("restore", "host.backup:restore", "Restore a host from a backup, into a new data directory."),
    ("doctor", "doctor:doctor", "Check this installation, and say how to fix each fault."),
    ("config", "doctor:config", "Show and check the settings."),
    ("support", "host.support:support", "Gather what helps to find a fault, without secrets."),
    ("completion", "host.completion:completion", "Print the completion of a shell."),
):
    app.command(f"dragoman.cli.{_location}", name=_name, help=_help)


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
