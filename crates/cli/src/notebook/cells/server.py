import atexit
import threading


def serve(verb, *flags):
    """Starts a server of larder's on a free port, to be stopped with this notebook: its address."""
    server = subprocess.Popen(command(verb, "-p", "0", *flags), stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    atexit.register(server.kill)
    seen = ""
    for line in server.stderr:
        seen += line
        if line.startswith("Serving ") and " on " in line:
            # Goes on reading, so that the server never waits for somebody to read its log.
            threading.Thread(target=server.stderr.read, daemon=True).start()
            SERVERS.append(server)
            return line.rsplit(" on ", 1)[1].strip()
    raise RuntimeError(seen.strip())


SERVERS = []


def running_server():
    """The address of the server that serves the project already, if there is one."""
    return larder("endpoint").partition("endpoint: ")[2].strip()
