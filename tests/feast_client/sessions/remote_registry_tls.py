"""Feast's client speaks TLS to larder's registry server."""
import sys
import warnings

import grpc

from golden import remote_registry

warnings.filterwarnings("ignore")
repo, address, cert = sys.argv[1:]

fs = remote_registry(address, repo, cert=cert)
assert sorted(entity.name for entity in fs.list_entities()) == ["customer", "driver", "location"]

# Without, nothing is said.
try:
    remote_registry(address, repo).list_entities()
    raise AssertionError("a client without TLS was answered")
except grpc.RpcError as error:
    assert error.code() == grpc.StatusCode.UNAVAILABLE, error
