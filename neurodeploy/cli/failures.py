"""From what goes wrong to one line on stderr and an exit code."""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from neurodeploy.cli.words import in_words_of_runs
from neurodeploy.errors import NeurodeployError, NeurodeployWarning, OptionError

GOOD, NO, BAD_INPUT, BUG = 0, 1, 2, 70
INTERRUPTED, TERMINATED, BROKEN_PIPE = 130, 143, 141


class Terminated(BaseException):
    """SIGTERM came; like KeyboardInterrupt it is no Exception, so that nothing takes it for one."""


class VerbGroup(TyperGroup):
    """Keeps the verbs in the order of registration and names the nearest one when misspelt."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Raise OptionError for an unknown verb."""
        if args and args[0] not in self.commands:
            from neurodeploy.schema import nearest

            raise OptionError(f"no verb {args[0]!r}, {nearest(args[0], list(self.commands))}")
        return super().resolve_command(ctx, args)


def run(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; whatever goes wrong is one line on stderr."""
    command: Any = typer.main.get_command(app)
    verb = next((word for word in arguments if word in command.commands), None)
    where = f"neurodeploy {verb}" if verb else "neurodeploy"
    try:
        with _warnings_as_lines(), _terminated_like_interrupted():
            with command.make_context("neurodeploy", list(arguments) or ["--help"]) as context:
                code = command.invoke(context)
            sys.stdout.flush()
        return code if isinstance(code, int) else GOOD
    except typer.Exit as stop:
        return stop.exit_code
    except Terminated:
        return TERMINATED
    except KeyboardInterrupt:
        return _say(f"{where}: interrupted, no file was left half-written", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (NeurodeployError, OSError, MemoryError) as error:
        return _say(f"{where}: {in_words_of_runs(_text(error))}", BAD_INPUT)
    except Exception as error:
        if hasattr(error, "format_message"):  # what typer raises for wrong usage
            return _say(f"{where}: {_usage(error)}", BAD_INPUT)
        traceback.print_exc()
        return _say(f"{where}: this is a bug of neurodeploy, please report the lines above", BUG)


def _say(line: str, code: int) -> int:
    print(" ".join(line.split()), file=sys.stderr)
    return code


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror[0].lower() + error.strerror[1:]
        return f"{error.filename}: {reason}" if error.filename else reason
    if isinstance(error, MemoryError) and not isinstance(error, NeurodeployError):
        size = "" if str(error) in ("", "std::bad_alloc") else f", {error}"
        return f"not enough memory{size}; take fewer samples or steps at a time, or record less"
    return str(error)


def _usage(error: Any) -> str:
    """Say in one line what typer found wrong with the arguments."""
    kind, parameter = type(error).__name__, getattr(error, "param", None)
    if kind == "NoSuchOption":
        from neurodeploy.schema import nearest

        known = [name for p in error.ctx.command.params for name in p.opts if name[:2] == "--"]
        return f"no option {error.option_name}, {nearest(error.option_name, known)}"
    name = _name(parameter) if parameter is not None else ""
    if kind == "MissingParameter":
        return f"{name} is missing; see neurodeploy {error.ctx.info_name} --help"
    message = error.message[:1].lower() + error.message[1:].rstrip(".")
    return f"{name}: {message}" if name else message


def _name(parameter: Any) -> str:
    long = [name for name in parameter.opts if name.startswith("--")]
    return long[0] if long else str(parameter.metavar or parameter.name.upper())


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Print each of our warnings as one line on stderr, the same one only once."""
    shown: set[str] = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        line = f"warning: {in_words_of_runs(' '.join(str(message).split()))}"
        if line not in shown:
            shown.add(line)
            print(line, file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", NeurodeployWarning)
        warnings.showwarning = show
        yield


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that temporary files are removed."""

    def stop(*_: Any) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
