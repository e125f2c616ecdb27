import json
import subprocess
from datetime import datetime, timedelta, timezone

as_of = datetime.fromisoformat(AS_OF) if AS_OF else datetime.now(timezone.utc)


def command(*arguments):
    return [LARDER, "-c", REPO, "-f", CONFIG, *arguments]


# A configuration in this variable would count instead of the file.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "FEATURE_STORE_YAML_BASE64"}


def larder(*arguments):
    """Calls larder on the feature repo: what it prints."""
    called = subprocess.run(command(*arguments), capture_output=True, text=True, env=ENVIRONMENT)
    if called.returncode:
        raise RuntimeError(called.stderr.strip())
    return called.stdout


def larder_json(*arguments):
    """The same with `--json`, read."""
    return json.loads(larder(*arguments, "--json"))


print(larder("version"))
