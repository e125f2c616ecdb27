"""A registry made by `feast apply` is served by larder; what larder records in it, Feast reads."""
import sys
import warnings
from datetime import datetime, timezone

from golden import by_name, post, raised, remote_store

warnings.filterwarnings("ignore")
repo, url = sys.argv[1:]
fs = remote_store(repo, url)


def serves():
    response = fs.get_online_features(
        features=["driver_hourly_stats:conv_rate", "driver_scores:score", "global_stats:surge_index"],
        entity_rows=[{"driver_id": 1001}, {"driver_id": 9999}])
    answer = response.to_dict()
    assert answer["conv_rate"][0] is not None and answer["conv_rate"][1] is None, answer
    assert answer["score"][0] is not None and answer["surge_index"][1] is not None, answer
    service = fs.get_feature_service("trip_model")
    rows = [{"driver_id": 1001, "customer_id": "c-1", "origin_id": 1, "destination_id": 2}]
    answer = fs.get_online_features(service, rows, full_feature_names=True).to_dict()
    assert answer["customer_profile__segment"] != [None] and "origin__demand" in answer, answer


def python_views_wait_for_a_component():
    """An on-demand view with a Python body is listed, and says what it needs when it is asked for."""
    body = {"features": ["transformed_conv_rate:conv_rate_plus_val1"],
            "entities": {"driver_id": [1001], "val_to_add": [1], "val_to_add_2": [2]}}
    status, text = post(url, "/get-online-features", body)
    assert status >= 400 and "transformed_conv_rate" in text and "component" in text, (status, text)
    name, text = raised(lambda: fs.get_online_features(
        features=["fare_estimate:has_promo"], entity_rows=[{"distance_km": 1.0, "promo_code": "x"}]))
    assert "fare_estimate" in text and "component" in text, (name, text)


def records():
    intervals = fs.get_feature_view("driver_hourly_stats").materialization_intervals
    assert intervals[0] == (datetime(2024, 1, 1, tzinfo=timezone.utc),
                            datetime(2024, 1, 10, 12, 30, tzinfo=timezone.utc)), intervals
    assert intervals[1][1] == datetime(2024, 1, 16, tzinfo=timezone.utc), intervals
    # Python bodies are as Feast wrote them.
    view = fs.get_on_demand_feature_view("fare_estimate")
    result = view.feature_transformation.udf({"distance_km": [10.0], "promo_code": ["x"]})
    assert result == {"fare_estimate": [15.0], "has_promo": [True]}, result
    status, body = post(url, "/get-online-features", {
        "features": ["driver_hourly_stats:conv_rate"], "entities": {"driver_id": [1001]}})
    assert status == 200 and "conv_rate" in by_name(body)[0], body


serves()
python_views_wait_for_a_component()
records()
