"""The command line's frame: its verbs, its exit codes, and the one place where errors become lines."""

from __future__ import annotations

import errno
import importlib
import io
import os
import re
import sys
from collections.abc import Sequence

import typer

from flawscope import __version__
from flawscope.errors import FlawscopeError
from flawscope.outputs import output_error

EXIT_PASS, EXIT_REJECT, EXIT_ERROR, EXIT_INTERRUPTED = 0, 1, 2, 130

# Typer carried click as a dependency and later as its own copy; this class is the base of both's complaints.
ParseError: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)

_ARGUMENT = re.compile(r"(?<=^Missing argument ')[a-z_]+(?=')")
"""A name as the code has it; the help shows it in capitals."""

_DECIMAL_COMMA = re.compile(r"(?:--[\w-]+=)?([-+]?\d*,\d+)")

_PYDANTIC_PREFIX = re.compile(r"\b[Vv]alue error, ")
"""What pydantic puts before the sentences of our own validators."""

VERBS = (
    "demo",
    "doctor",
    "data",
    "train",
    "study",
    "evaluate",
    "robustness",
    "predict",
    "inspect",
    "watch",
    "report",
    "models",
    "export",
    "enhance",
    "fewshot",
    "offline",
    "rules",
    "calibration",
    "calibrate_threshold",
    "calibrate_probabilities",
    "benchmark",
)
"""Each is a module of this package with a function ``register(app)``."""


def build() -> typer.Typer:
    """The whole command tree."""
    app = typer.Typer(
        name="flawscope",
        help="See, measure and judge surface defects.",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback(invoke_without_command=True)
    def frame(
        context: typer.Context,
        version: bool = typer.Option(False, "--version", help="Print the version and stop."),
    ) -> None:
        if version:
            typer.echo(f"flawscope {__version__}")
            raise typer.Exit
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())
            raise typer.Exit(EXIT_ERROR)

    for verb in VERBS:
        importlib.import_module(f"flawscope.cli.{verb}").register(app)
    return app


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; no traceback leaves this function.

    Set ``FLAWSCOPE_DEBUG=1`` to see tracebacks.
    """
    try:
        outcome = build()(
            args=None if arguments is None else list(arguments), prog_name="flawscope", standalone_mode=False
        )
    except FlawscopeError as error:
        return _fail(str(error))
    except typer.Exit as request:
        return int(request.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        print("\ninterrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except ParseError as error:
        return _fail(_complaint(error, sys.argv[1:] if arguments is None else arguments))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_PASS
    except OSError as error:
        if os.environ.get("FLAWSCOPE_DEBUG"):
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM):
            return _fail(str(output_error(error, error.filename or "output")))
        return _fail(f"{error.filename or 'input'}: {(error.strerror or str(error)).lower()}")
    except MemoryError:
        return _fail("not enough memory. Use smaller images, a smaller --imgsz or a smaller --batch")
    except Exception as error:
        if os.environ.get("FLAWSCOPE_DEBUG"):
            raise
        kind = type(error).__name__
        text = " ".join(str(error).split())[:300]
        return _fail(f"internal error, please report it ({kind}: {text}). FLAWSCOPE_DEBUG=1 shows details")
    return outcome if isinstance(outcome, int) else EXIT_PASS


def _complaint(error: Exception, arguments: Sequence[str]) -> str:
    """One line for arguments that cannot be parsed, with the command whose help says more."""
    line = " ".join(str(error.format_message()).split()) if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "flawscope"
    line = _ARGUMENT.sub(
        lambda found: found.group().upper() if found.group().islower() else found.group(), line
    )
    commas = [found[1] for each in arguments if (found := _DECIMAL_COMMA.fullmatch(each))]
    if commas and re.search(r"valid (number|float)", line):
        line = f"{line.rstrip('.')}. Use a decimal point: {commas[0].replace(',', '.')}"
    end = "" if line.endswith("?") else "."
    return f"{line.rstrip('.')}{end} See: {command} --help"


def _fail(line: str) -> int:
    print(f"error: {_PYDANTIC_PREFIX.sub('', line)}", file=sys.stderr)
    return EXIT_ERROR


def main() -> None:
    """Entry point of the console script."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # names of files may hold what the terminal's encoding does not: better escaped than no result
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run())
