"""The command line: parse, call, print. Commands are loaded when they are called."""

import gc
import sys

from cyclopts import App, CycloptsError

from dragoman import __version__

app = App(name="dragoman", version=__version__, help="The message service of a liaison office.")

for _name, _where in {
    "up": "dragoman.cli.serving:up",
    "serve": "dragoman.cli.serving:serve",
    "init": "dragoman.cli.serving:init",
    "doctor": "dragoman.cli.doctor:doctor",
    "config": "dragoman.cli.doctor:config",
    "channel": "dragoman.cli.administering:channel",
    "officer": "dragoman.cli.administering:officer",
    "token": "dragoman.cli.administering:token",
    "post": "dragoman.cli.posting:post",
    "act": "dragoman.cli.posting:act",
    "show": "dragoman.cli.reading:show",
    "tail": "dragoman.cli.reading:tail",
    "state": "dragoman.cli.reading:state",
    "audit": "dragoman.cli.auditing:audit",
}.items():
    app.command(_where, name=_name)


def main() -> None:
    """Run a command; its return value, or what went wrong, becomes the exit code."""
    from dragoman import telemetry
    from dragoman.cli import common
    from dragoman.client import Answered, Unreachable
    from dragoman.domain.refusal import Malformed
    from dragoman.log.broker import BrokerError
    from dragoman.settings import SettingsError

    telemetry.configure(level="warning")
    # Records, rows and futures are freed by their counts as soon as they are done with: the collector has to look but rarely.
    gc.set_threshold(50_000, 20, 100)
    try:
        code = app(sys.argv[1:], exit_on_error=False, print_error=True, result_action="return_value")
    except Answered as error:
        common.say(f"dragoman: {error.problem.title or 'refused'}: {error.problem.detail}")
        for fault in error.problem.errors:
            common.say(f"  {fault.pointer or '/'}: {fault.detail}")
        if error.problem.allowed:
            common.say(f"  allowed: {', '.join(error.problem.allowed)}")
        sys.exit(common.exit_code(error))
    except Unreachable as error:
        common.say(f"dragoman: {error}")
        sys.exit(common.UNREACHABLE)
    except (common.UsageError, SettingsError, Malformed) as error:
        common.say(f"dragoman: {error}")
        sys.exit(common.USAGE)
    except BrokerError as error:
        common.say(f"dragoman: {error}")
        sys.exit(common.FAILED)
    except CycloptsError:
        sys.exit(common.USAGE)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)
