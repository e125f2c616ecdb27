"""A gRPC client with Feast's own stubs against `larder serve --grpc`, which asks for tokens."""
import sys
import warnings

import grpc
from feast.protos.feast.serving import GrpcServer_pb2 as messages
from feast.protos.feast.serving.GrpcServer_pb2_grpc import GrpcFeatureServerStub
from feast.protos.feast.serving.ServingService_pb2 import (
    FeatureList,
    GetFeastServingInfoRequest,
    GetOnlineFeaturesRequest,
)
from feast.protos.feast.serving.ServingService_pb2_grpc import ServingServiceStub
from feast.protos.feast.types.Value_pb2 import Null, RepeatedValue, Value
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from golden import close

warnings.filterwarnings("ignore")
address, authority, reader, writer, stranger = sys.argv[1:]
with open(authority, "rb") as file:
    credentials = grpc.ssl_channel_credentials(file.read())
# The certificate is for the address, over TLS and HTTP/2.
channel = grpc.secure_channel(address, credentials)
server, serving = GrpcFeatureServerStub(channel), ServingServiceStub(channel)


def as_user(token):
    return {"metadata": (("authorization", f"Bearer {token}"),)}


def request(features, entities, **options):
    columns = {name: RepeatedValue(val=values) for name, values in entities.items()}
    selection = {"feature_service": features} if isinstance(features, str) else {"features": FeatureList(val=features)}
    return GetOnlineFeaturesRequest(**selection, entities=columns, **options)


def refused(call):
    try:
        answer = call()
    except grpc.RpcError as error:
        return error.code().name, error.details()
    raise AssertionError(f"nothing was raised, the answer is {answer!r}")


def columns(answer):
    return dict(zip(answer.metadata.feature_names.val, answer.results))


whole, text, half = (lambda number: Value(int64_val=number)), (lambda string: Value(string_val=string)), Value(float_val=0.5)
drivers = {"driver_id": [whole(1001), whole(9999), Value(null_val=Null.NULL)]}
READ = request(["driver_hourly_stats:conv_rate", "driver_hourly_stats:home_zone"], drivers)

# Both services answer the same, to whoever may read.
answer = server.GetOnlineFeatures(READ, **as_user(reader))
assert answer == serving.GetOnlineFeatures(READ, **as_user(reader)), answer
assert [list(column.statuses) for column in columns(answer).values()][1:] == [[1, 3, 3], [1, 3, 3]], answer
assert columns(answer)["conv_rate"].event_timestamps[0].seconds > 0, answer
assert not answer.metadata.feature_view_metadata
views = request(["driver_hourly_stats:conv_rate"], drivers, include_feature_view_version_metadata=True)
answer = server.GetOnlineFeatures(views, **as_user(reader))
assert [view.name for view in answer.metadata.feature_view_metadata] == ["driver_hourly_stats"], answer

# Request data, among the entities or beside them; on-demand views run.
one = {"driver_id": [whole(1001)]}
data = {"val_to_add": [whole(1)], "val_to_add_2": [whole(2)]}
among = server.GetOnlineFeatures(request("driver_activity_v1", one | data), **as_user(reader))
context = {name: RepeatedValue(val=values) for name, values in data.items()}
beside = server.GetOnlineFeatures(request("driver_activity_v1", one, request_context=context), **as_user(reader))
assert columns(among) == columns(beside), (among, beside)
found = columns(among)
rate = found["conv_rate"].values[0].float_val
assert close([found["conv_rate_plus_val1"].values[0].double_val], [rate + 1]), found
twice = request("driver_activity_v1", one | data, request_context=context)
assert refused(lambda: server.GetOnlineFeatures(twice, **as_user(reader)))[0] == "INVALID_ARGUMENT"

# Every mistake has its code, and Feast's text.
for features, entities, code, said in [
    (["nope:x"], one, "NOT_FOUND", "Feature view nope does not exist"),
    ("nope", one, "NOT_FOUND", "Feature service nope does not exist"),
    ([], one, "INVALID_ARGUMENT", "No features specified for retrieval"),
    (["driver_hourly_stats:conv_rate"], {}, "INVALID_ARGUMENT", "Missing join key values"),
    (["driver_hourly_stats:conv_rate"], {"driver_id": [text("x")]}, "INVALID_ARGUMENT", "driver_id"),
]:
    got = refused(lambda: server.GetOnlineFeatures(request(features, entities), **as_user(reader)))
    assert got[0] == code and said in got[1], got

# Whoever shows no token, or none that is trusted, is told nothing.
assert refused(lambda: server.GetOnlineFeatures(READ))[0] == "UNAUTHENTICATED"
assert refused(lambda: server.GetOnlineFeatures(READ, **as_user(stranger)))[0] == "UNAUTHENTICATED"
code, said = refused(lambda: server.GetOnlineFeatures(READ, **as_user(writer)))
assert code == "PERMISSION_DENIED" and "READ_ONLINE" in said, (code, said)

# A row of texts, a row of values, and what may not be written.
texts = {"driver_id": "7001", "conv_rate": "0.5", "acc_rate": "0.25", "avg_daily_trips": "3", "home_zone": "north"}
times = {"event_timestamp": "2024-01-20T12:00:00Z", "created": "2024-01-20T12:00:00Z"}
push = messages.PushRequest(features=texts | times, stream_feature_view="driver_push_source", to="online")
code, said = refused(lambda: server.Push(push, **as_user(reader)))
assert code == "PERMISSION_DENIED" and "WRITE_ONLINE" in said, (code, said)
assert server.Push(push, **as_user(writer)).status
fresh = request(["driver_fresh_stats:conv_rate"], {"driver_id": [whole(7001), whole(7002)]})
seconds = Value(unix_timestamp_val=1705752000)
typed = {"driver_id": whole(7002), "conv_rate": half, "acc_rate": half, "avg_daily_trips": whole(3)}
typed |= {"home_zone": text("north"), "event_timestamp": seconds, "created": seconds}
write = messages.WriteToOnlineStoreRequest(typed_features=typed, feature_view_name="driver_fresh_stats")
assert server.WriteToOnlineStore(write, **as_user(writer)).status
column = columns(server.GetOnlineFeatures(fresh, **as_user(reader)))["conv_rate"]
assert [value.float_val for value in column.values] == [0.5, 0.5], column
assert {time.seconds for time in column.event_timestamps} == {1705752000}, column
both = messages.PushRequest(features=texts, typed_features=typed, stream_feature_view="driver_push_source", to="online")
assert "not both" in refused(lambda: server.Push(both, **as_user(writer)))[1]

# What every server of gRPC has, and what this one has not.
health = health_pb2_grpc.HealthStub(channel)
assert health.Check(health_pb2.HealthCheckRequest(service="GrpcFeatureServer")).status == 1
names = ProtoReflectionDescriptorDatabase(channel).get_services()
assert set(names) >= {"GrpcFeatureServer", "feast.serving.ServingService"}, names
assert serving.GetFeastServingInfo(GetFeastServingInfoRequest(), **as_user(reader)).version
nothing = channel.unary_unary("/GrpcFeatureServer/Nothing")
assert refused(lambda: nothing(b"", **as_user(reader)))[0] == "UNIMPLEMENTED"
broken = channel.unary_unary("/GrpcFeatureServer/Push")
assert refused(lambda: broken(b"\xff\xff", **as_user(writer)))[0] == "INVALID_ARGUMENT"
