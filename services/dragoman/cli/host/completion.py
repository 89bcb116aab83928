"""The command `dragoman completion`, which prints the completion of a shell."""

from typing import Literal

from dragoman.cli.common import out


def completion(shell: Literal["bash", "zsh", "fish"]) -> int:
    """Print the completion of a shell.

    For bash, write it into ~/.local/share/bash-completion/completions/dragoman; for
    zsh, into a file _dragoman of a folder in $fpath; for fish, into
    ~/.config/fish/completions/dragoman.fish.
    """
    from dragoman.cli import app

    out(app.generate_completion(prog_name="dragoman", shell=shell), lines=True)
    return 0
