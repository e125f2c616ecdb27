"""Every command of Feast's command line is one of larder's, with all its arguments and flags."""
import subprocess
import sys

import click
from feast.cli.cli import cli

larder, = sys.argv[1:]


def helped(path):
    shown = subprocess.run([larder, *path, "--help"], capture_output=True, text=True)
    assert shown.returncode == 0, (path, shown.stderr)
    return shown.stdout


def commands(command, path):
    yield command, path
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from commands(inner, [*path, name])


missing, flags = [], 0
for command, path in commands(cli, []):
    try:
        words = helped(path).replace(",", " ").replace("[", " ").replace("]", " ").split()
    except AssertionError as error:
        missing.append(str(error))
        continue
    for option in (one for one in command.params if isinstance(one, click.Option)):
        for flag in [*option.opts, *option.secondary_opts]:
            flags += 1
            if flag not in words:
                missing.append(f"{' '.join(path)} {flag}")
assert not missing, "\n".join(missing)
assert flags > 100, flags
