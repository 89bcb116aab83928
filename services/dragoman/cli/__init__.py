"""The command line: parse, call, print. Commands are loaded when they are called."""

import gc
import sys

from cyclopts import App

from dragoman import __version__

app = App(name="dragoman", version=__version__, help="The message service of a liaison office.")

for _name, _where, _help in (
    ("up", "serve:up", "Run everything in one process, beside a broker of its own."),
    (
        "serve",
        "serve:serve",
        "Run one service on a broker that runs already, or a side's own witness.",
    ),
    ("init", "serve:init", "Make a data directory, with keys and the operator's token."),
    ("channel", "channel_setup:channel", "Open channels and list them."),
    (
        "officer",
        "channel:officer",
        "Enter and revoke officers, as an administrator of their side.",
    ),
    ("token", "channel:token", "Issue and revoke tokens, as the operator."),
    (
        "subject",
        "channel:subject",
        "Map the subjects of an OIDC provider to officers, as the operator.",
    ),
    ("post", "post:post", "Open an exchange: report, request, note."),
    (
        "draft",
        "post:draft",
        "Draft an act for a colleague to release, or list the drafts of your side.",
    ),
    ("release", "post:release", "Release a colleague's draft: the second key."),
    ("act", "post:act", "Carry an exchange on: acknowledge, reply, correct, close."),
    ("import", "post:take_in", "Take in a CAP alert, or what a calendar program answers."),
    ("keys", "keys:keys", "Make keys, and enter and revoke them in a channel."),
    ("context", "keys:context", "Print what a signed act must say."),
    ("person", "person:person", "Enter, change and erase people, whom acts name by id."),
    ("file", "file:file", "Put, get and erase files, which acts name by SHA-256."),
    ("show", "show:show", "Show an exchange, and what each addressee has done."),
    ("tail", "show:tail", "Follow a channel's records as they arrive."),
    ("listen", "webhook:listen", "Forward a channel's records to a program on your own machine."),
    (
        "webhook",
        "webhook:webhook",
        "Say where your side is told of records: by webhook, by e-mail.",
    ),
    ("state", "show:state", "Show the liaison state of a channel."),
    ("watch", "watch:watch", "Take the watch, hand it over, and see what it must look at."),
    (
        "adopt",
        "watch:adopt",
        "Adopt a profile of limits, a codebook or a policy of witnesses, as an administrator of your side.",
    ),
    (
        "statistics",
        "report:statistics",
        "Show what each side owed and did in a period, in numbers.",
    ),
    (
        "report",
        "report:report",
        "Write a situation report, a turn-over note, the record of a period or of a year.",
    ),
    (
        "audit",
        "audit.accountability:audit",
        "Replay, verify and export a channel's log, believing nobody.",
    ),
    (
        "witness",
        "witness:witness",
        "Hold your side's witness, let it go, and print its verifier key.",
    ),
    ("log", "log:log", "Put a damaged or lost log back from a copy."),
    ("doctor", "doctor:doctor", "Find out what is wrong here."),
    ("config", "doctor:config", "Show and check the settings."),
):
    app.command(f"dragoman.cli.{_where}", name=_name, help=_help)


def main() -> None:
    """Run a command; its return value, or what went wrong, becomes the exit code."""
    from dragoman import telemetry

    telemetry.configure(level="warning")
    # Records, rows and futures are freed by their counts as soon as they are done with: the collector has to look but rarely.
    gc.set_threshold(50_000, 20, 100)
    try:
        code = app(
            sys.argv[1:], exit_on_error=False, print_error=True, result_action="return_value"
        )
    except BaseException as error:  # the outermost edge
        from dragoman.cli import errors  # whose errors they are is imported when there is one

        failed = errors.told(error)
        if failed is None:
            if isinstance(error, SystemExit):
                raise
            errors.trace(error)
            failed = 1
        sys.exit(failed)
    sys.exit(code if isinstance(code, int) else 0)
