"""Feast's client with `online_store: {type: remote}` reads, writes and materializes through larder."""
import sys
import warnings
from datetime import datetime, timedelta, timezone

import pandas as pd
from feast.data_source import PushMode
from feast.version import get_version

from golden import close, raised, remote_store

warnings.filterwarnings("ignore")
repo, url = sys.argv[1:]
fs = remote_store(repo, url)
RELEASE = tuple(int(part) for part in get_version().split(".")[:2])


def read(features, entity_rows, **options):
    return fs.get_online_features(features=features, entity_rows=entity_rows, **options).to_dict()


def reads():
    # A list of references, known and unknown entities, in the order of the rows.
    rows = [{"driver_id": 1001}, {"driver_id": 9999}, {"driver_id": 1001}]
    answer = read(["driver_hourly_stats:conv_rate", "driver_hourly_stats:avg_daily_trips"], rows)
    assert answer["driver_id"] == [1001, 9999, 1001], answer
    assert answer["conv_rate"][1] is None and answer["conv_rate"][0] == answer["conv_rate"][2], answer
    assert isinstance(answer["avg_daily_trips"][0], int), answer
    conv_rate = answer["conv_rate"][0]

    # Rows as columns, full names.
    answer = read(["driver_hourly_stats:conv_rate"], {"driver_id": [1001]}, full_feature_names=True)
    assert answer == {"driver_id": [1001], "driver_hourly_stats__conv_rate": [conv_rate]}, answer

    # A feature service with an on-demand view and request data, by name and as object.
    service = fs.get_feature_service("driver_activity_v1")
    rows = [{"driver_id": 1001, "val_to_add": 1, "val_to_add_2": 2}]
    answer = read(service, rows)
    assert close(answer["conv_rate_plus_val1"], [conv_rate + 1]), answer
    assert close(answer["conv_rate_plus_val2"], [conv_rate + 2]), answer
    assert set(answer) == {
        "driver_id", "conv_rate", "avg_daily_trips", "conv_rate_plus_val1", "conv_rate_plus_val2"}, answer

    # Full names of on-demand features, which Feast's own server loses for views in Python mode.
    answer = read(["driver_python_derived:trip_bucket"], [{"driver_id": 1001}], full_feature_names=True)
    assert list(answer) == ["driver_id", "driver_python_derived__trip_bucket"], answer

    # Only request data: no entity at all.
    answer = read(["fare_estimate:fare_estimate", "fare_estimate:has_promo"],
                  [{"distance_km": 10.0, "promo_code": ""}, {"distance_km": 0.0, "promo_code": "x"}])
    assert answer == {"fare_estimate": [15.0, 2.5], "has_promo": [False, True]}, answer

    # Composite keys; a part of one is no error.
    rows = [{"customer_id": "c-1", "driver_id": 1001}, {"customer_id": "nobody", "driver_id": 1001}]
    answer = read(["customer_driver:trips_together", "driver_lifetime:avg_daily_trips"], rows)
    assert answer["trips_together"][1] is None, answer
    answer = read(["customer_driver:trips_together"], [{"customer_id": "c-1"}])
    assert answer["trips_together"] == [None], answer

    # Views without entities answer every row.
    answer = read(["global_stats:surge_index"], [{"driver_id": 1}, {"driver_id": 2}])
    assert answer["surge_index"][0] is not None and answer["surge_index"][0] == answer["surge_index"][1], answer

    # One view under two names, by join key maps.
    service = fs.get_feature_service("trip_model")
    answer = read(service, [{"driver_id": 1001, "customer_id": "c-1", "origin_id": 1, "destination_id": 2}],
                  full_feature_names=True)
    assert {"origin_id", "destination_id", "origin__temperature", "destination__temperature"} <= set(answer), answer

    # Statuses and metadata reach the client.
    response = fs.get_online_features(
        features=["driver_hourly_stats:conv_rate"], entity_rows=[{"driver_id": 1001}, {"driver_id": 9999}])
    proto = response.proto
    at = list(proto.metadata.feature_names.val).index("conv_rate")
    # PRESENT and NOT_FOUND.
    assert list(proto.results[at].statuses) == [1, 3], proto
    assert list(response.to_df().columns) == ["driver_id", "conv_rate"]


def types():
    """Every type of value reads as Feast's JSON has it."""
    view = fs.get_feature_view("wide_types")
    features = [field.name for field in view.features]
    response = fs.get_online_features(
        features=[f"wide_types:{name}" for name in features], entity_rows=[{"driver_id": 1001}, {"driver_id": 4242}])
    answer = response.to_dict()
    expected = {
        "f_bool": bool, "f_bytes": str, "f_string": str, "f_int32": int, "f_int64": int, "f_float32": float,
        "f_float64": float, "f_ts": int, "f_string_list": list, "f_int64_list": list, "f_float32_list": list,
        "f_float64_list": list, "f_bool_list": list, "f_bytes_list": list}
    assert set(expected) == set(features), features
    for name, python_type in expected.items():
        assert isinstance(answer[name][0], python_type), (name, answer[name])
        assert answer[name][1] is None, (name, answer[name])
    frame = response.to_df()
    assert frame.shape == (2, len(features) + 1), frame


def pushes():
    now = datetime(2024, 1, 20, 12, 0, tzinfo=timezone.utc)
    features = [f"driver_fresh_stats:{name}" for name in ["conv_rate", "acc_rate", "avg_daily_trips", "home_zone"]]

    def row(driver, conv_rate, at, trips=7):
        return pd.DataFrame({
            "driver_id": [driver], "event_timestamp": [at], "created": [at], "conv_rate": [conv_rate],
            "acc_rate": [None], "avg_daily_trips": [trips], "home_zone": ["zone"]})

    fs.push("driver_push_source", row(7001, 0.5, now), to=PushMode.ONLINE)
    answer = read(features, [{"driver_id": 7001}])
    assert answer == {
        "driver_id": [7001], "conv_rate": [0.5], "acc_rate": [None], "avg_daily_trips": [7], "home_zone": ["zone"],
    }, answer
    # The newest event time wins, whatever the order of writes.
    fs.push("driver_push_source", row(7001, 0.25, now - timedelta(hours=1)), to=PushMode.ONLINE)
    assert read(features[:1], [{"driver_id": 7001}])["conv_rate"] == [0.5]

    # Straight into one view; the client sends its times under fixed names whatever the source calls them.
    fs.write_to_online_store("driver_hourly_stats", row(7002, 0.75, now))
    assert read(["driver_hourly_stats:conv_rate"], [{"driver_id": 7002}])["conv_rate"] == [0.75]
    scores = pd.DataFrame({"driver_id": [7003], "ts": [now], "score": [1.5]})
    fs.write_to_online_store("driver_scores", scores)
    assert read(["driver_scores:score"], [{"driver_id": 7003}])["score"] == [1.5]


def materializes():
    start, end = datetime(2024, 1, 1, tzinfo=timezone.utc), datetime(2024, 1, 16, tzinfo=timezone.utc)
    before = read(["driver_scores:score"], [{"driver_id": 1001}])
    fs.materialize(start, end, feature_views=["driver_scores"])
    assert read(["driver_scores:score"], [{"driver_id": 1001}]) == before
    fs.materialize_incremental(end + timedelta(days=1), feature_views=["driver_scores", "global_stats"])
    fs.refresh_registry()
    ends = [interval[1] for interval in fs.get_feature_view("global_stats").materialization_intervals]
    assert max(ends) == end + timedelta(days=1), ends
    if RELEASE >= (0, 67):
        fs.materialize(start, end, feature_views=["driver_scores"], run_async=True, force=True)


def errors():
    """The class that larder's envelope names is the one that the client raises."""
    conv_rate, driver = ["driver_hourly_stats:conv_rate"], [{"driver_id": 1001}]
    colliding = ["driver_hourly_stats:conv_rate", "driver_lifetime:conv_rate"]
    for features, rows, expected, part in [
        (["nope:conv_rate"], driver, "FeatureViewNotFoundException",
         "Feature view nope does not exist in project larder_golden"),
        (colliding, driver, "FeatureNameCollisionError", "Duplicate features named conv_rate found."),
        (["transformed_conv_rate:conv_rate_plus_val1"], driver, "RequestDataNotFoundInEntityRowsException",
         "val_to_add"),
        (["driver_hourly_stats:nope"], driver, "RuntimeError", "nope"),
        (conv_rate, [{"foo": 1}], "RuntimeError", "Missing join key values for keys: ['driver_id']"),
        (conv_rate, [{"driver_id": "x"}], "RuntimeError", "driver_id"),
        (["driver_hourly_stats"], driver, "RuntimeError", "driver_hourly_stats"),
    ]:
        name, text = raised(lambda: read(features, rows))
        assert name == expected and part in text, (features, rows, name, text)

    service = fs.get_feature_service("driver_activity_v1")
    service.name = "nope"
    name, text = raised(lambda: read(service, driver))
    assert name == "FeatureServiceNotFoundException", (name, text)

    name, text = raised(lambda: fs.materialize(
        datetime(2024, 1, 2), datetime(2024, 1, 3), feature_views=["nope"]))
    assert name in ("FeatureViewNotFoundException", "RuntimeError") and "nope" in text, (name, text)


reads()
types()
pushes()
materializes()
errors()
